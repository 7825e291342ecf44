import { createHmac, timingSafeEqual } from 'node:crypto';

import type { AuditExport } from './audit-export.js';

export const LINK_SECONDS = 3_600;

/** What a signed link says: which export, for whom, and until when. */
export type ExportLink = {
  readonly exportId: string;
  /** `key_…` or `user_…`, whose rights it is used with. */
  readonly subject: string;
  /** Seconds since the Unix epoch. */
  readonly expires: number;
};

/** HMAC-SHA-256 in base64url. The organization is in it, so that a link opens nothing of another one. */
export function signatureOf(
  key: Buffer,
  { organizationId }: Pick<AuditExport, 'organizationId'>,
  { exportId, subject, expires }: ExportLink,
): string {
  return createHmac('sha256', key)
    .update([organizationId, exportId, subject, expires].join('\n'))
    .digest('base64url');
}

export function isSameSignature(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
