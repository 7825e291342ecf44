import type { AuditEntry } from './audit-entry.js';

/** An entry as it stands in the table, sealed or not yet. */
export type StoredEntry = {
  readonly entry: AuditEntry;
  readonly mac: Buffer;
  /** Its place in its organization's chain: 1, 2, 3, … without gaps. */
  readonly sequence: number | null;
  /** Of the chain up to the entry before; 32 bytes. With it an entry's own link can be checked without that one. */
  readonly previousHash: Buffer | null;
  /** Of the chain up to this entry; 32 bytes. */
  readonly hash: Buffer | null;
};
