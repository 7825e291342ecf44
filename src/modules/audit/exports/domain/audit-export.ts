import type { AuditEventType } from '#platform/audit-trail/audit-actions.js';

export const EXPORT_FORMATS = ['csv', 'json', 'ndjson', 'parquet'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export const EXPORT_STATES = [
  'queued',
  'running',
  'ready',
  'failed',
  'cancelled',
  'expired',
] as const;
export type ExportState = (typeof EXPORT_STATES)[number];

export type AuditExport = {
  readonly id: string;
  readonly organizationId: string;
  /** Whose log it is of; `null`: the whole organization's. */
  readonly keyId: string | null;
  /** `key_…` or `user_…` */
  readonly requestedBy: string;
  readonly format: ExportFormat;
  readonly includePii: boolean;
  /** `null`: all. */
  readonly eventTypes: readonly AuditEventType[] | null;
  readonly from: Date;
  /** The first moment that is not in it. */
  readonly to: Date;
  readonly state: ExportState;
  /** Why it has failed, in words for whoever asked. */
  readonly failure: string | null;
  /** Of how many starts this is the last. Each has an object of its own. */
  readonly attempt: number;
  readonly entriesDone: number;
  /** `null` before it was counted. */
  readonly entriesTotal: number | null;
  readonly bytes: number;
  /** The store that the object is in; `null`: there is none. */
  readonly storedIn: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
};

/** Under which name the object of one attempt is stored. */
export function objectNameOf({ id, format }: AuditExport, attempt: number): string {
  return `exports/${id}-${attempt}.${format}`;
}

export const CONTENT_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json',
  ndjson: 'application/x-ndjson',
  parquet: 'application/vnd.apache.parquet',
};
