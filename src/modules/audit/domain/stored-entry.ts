import type { AuditEntry } from './audit-entry.js';

/** An entry as it stands in the table, sealed or not yet. */
export type StoredEntry = {
  readonly entry: AuditEntry;
  readonly mac: Buffer;
  /** Its place in its organization's chain: 1, 2, 3, … without gaps. */
  readonly sequence: number | null;
  /** Of the chain up to this entry; 32 bytes. */
  readonly hash: Buffer | null;
};
