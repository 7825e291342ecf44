import type { AuditExport } from './domain/audit-export.js';

export const EXPORT_COLUMNS = `id, organization_id, key_id, requested_by, format, include_pii, event_types, period_from, period_to,
  state, failure, attempt, entries_done, entries_total, bytes, stored_in, created_at, expires_at`;

/** `bigint` comes as a text. */
export type ExportRow = {
  readonly id: string;
  readonly organization_id: string;
  readonly key_id: string | null;
  readonly requested_by: string;
  readonly format: AuditExport['format'];
  readonly include_pii: boolean;
  readonly event_types: AuditExport['eventTypes'];
  readonly period_from: Date;
  readonly period_to: Date;
  readonly state: AuditExport['state'];
  readonly failure: string | null;
  readonly attempt: number;
  readonly entries_done: string;
  readonly entries_total: string | null;
  readonly bytes: string;
  readonly stored_in: string | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
};

export function exportOf(row: ExportRow): AuditExport {
  return {
    id: row.id,
    organizationId: row.organization_id,
    keyId: row.key_id,
    requestedBy: row.requested_by,
    format: row.format,
    includePii: row.include_pii,
    eventTypes: row.event_types,
    from: row.period_from,
    to: row.period_to,
    state: row.state,
    failure: row.failure,
    attempt: row.attempt,
    entriesDone: Number(row.entries_done),
    entriesTotal: row.entries_total === null ? null : Number(row.entries_total),
    bytes: Number(row.bytes),
    storedIn: row.stored_in,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}
