import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ChainHead } from '../domain/chain.js';
import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';
import { SEARCH_VECTOR } from '../trail/entry-search.js';

/** Any fixed number: the class of the locks of sealing among PostgreSQL's two-part advisory locks. */
const SEALING_LOCKS = 7_203_117;

/** Of facts, which are all in memory while their entries are sealed. One entry may have some 200 KB. */
const MAX_BYTES = 4 * 1024 * 1024;

/** @property isCut whether there may be more of them */
type Batch = { readonly entries: readonly StoredEntry[]; readonly isCut: boolean };

type MeasuredRow = EntryRow & { readonly bytes: number; readonly bytes_before: string | null };

export type Seal = {
  readonly id: string;
  readonly sequence: number;
  readonly previousHash: Buffer;
  readonly hash: Buffer;
};

/** What waits to be sealed, and the places where it goes. */
@Injectable()
export class SealRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Who has entries that wait, each with the time of the first of them. One step into the index for each. */
  async waitingAcrossTenants(): Promise<{ organizationId: string; since: Date }[]> {
    const rows = await this.transactions.sql<{ organization_id: string; occurred_at: Date }>(
      `WITH RECURSIVE waiting AS (
         (SELECT organization_id, occurred_at FROM audit_entries WHERE sequence IS NULL
           ORDER BY organization_id, position LIMIT 1)
         UNION ALL
         SELECT next.organization_id, next.occurred_at
           FROM waiting, LATERAL (
             SELECT organization_id, occurred_at FROM audit_entries
              WHERE sequence IS NULL AND organization_id > waiting.organization_id
              ORDER BY organization_id, position LIMIT 1) AS next)
       SELECT organization_id, occurred_at FROM waiting`,
    );
    return rows.map((row) => ({ organizationId: row.organization_id, since: row.occurred_at }));
  }

  /** Until the transaction's end nobody else seals or removes entries of this organization. */
  async lock(organizationId: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      SEALING_LOCKS,
      organizationId,
    ]);
  }

  /** As {@link lock}, but answers `false` at once where somebody else has it. */
  async tryLock(organizationId: string): Promise<boolean> {
    const [row] = await this.transactions.sql<{ locked: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS locked',
      [SEALING_LOCKS, organizationId],
    );
    return row?.locked === true;
  }

  /** The last sealed entry that is there. */
  async lastSealed(organizationId: string): Promise<ChainHead | null> {
    const [row] = await this.transactions.sql<{ sequence: string; hash: Buffer }>(
      `SELECT sequence, hash FROM audit_entries WHERE organization_id = $1 AND sequence IS NOT NULL
        ORDER BY sequence DESC LIMIT 1`,
      [organizationId],
    );
    return row ? { size: Number(row.sequence), hash: row.hash } : null;
  }

  /** As the chain was when it had so many entries. `null` where the last of them is not there. */
  async headAt(organizationId: string, size: number): Promise<ChainHead | null> {
    const [row] = await this.transactions.sql<{ hash: Buffer }>(
      'SELECT hash FROM audit_entries WHERE organization_id = $1 AND sequence = $2',
      [organizationId, size],
    );
    return row ? { size, hash: row.hash } : null;
  }

  /** The next ones, in the order in which they were written: at most `limit`, and no more once they have 4 MiB of facts. */
  async waitingOf(organizationId: string, limit: number): Promise<Batch> {
    const rows = await this.transactions.sql<MeasuredRow>(
      `SELECT * FROM (
         SELECT position, ${ENTRY_COLUMNS}, bytes, sum(bytes) OVER earlier AS bytes_before
           FROM (
             SELECT *, octet_length(concat(before, after, details, personal)) AS bytes FROM audit_entries
              WHERE organization_id = $1 AND sequence IS NULL ORDER BY position LIMIT $2) AS waiting
         WINDOW earlier AS (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS measured
        WHERE coalesce(bytes_before, 0) < $3 ORDER BY position`,
      [organizationId, limit, MAX_BYTES],
    );
    const last = rows.at(-1);
    const bytes = last ? Number(last.bytes_before) + last.bytes : 0;
    return { entries: rows.map(entryOf), isCut: rows.length === limit || bytes >= MAX_BYTES };
  }

  /** @throws {Error} when not all of them are there and unsealed any more: nobody of ours does that */
  async seal(organizationId: string, seals: readonly Seal[]): Promise<void> {
    const sealed = await this.transactions.sql(
      `UPDATE audit_entries AS entry
          SET sequence = seal.sequence, previous_hash = seal.previous_hash, hash = seal.hash, search = ${SEARCH_VECTOR}
         FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::bytea[]) AS seal (id, sequence, previous_hash, hash)
        WHERE entry.organization_id = $1 AND entry.id = seal.id AND entry.sequence IS NULL
        RETURNING entry.id`,
      [
        organizationId,
        seals.map(({ id }) => id),
        seals.map(({ sequence }) => sequence),
        seals.map(({ previousHash }) => previousHash),
        seals.map(({ hash }) => hash),
      ],
    );
    if (sealed.length !== seals.length) {
      throw new Error(
        `Entries of the audit log have changed while they were sealed: ${sealed.length} of ${seals.length} were there.`,
      );
    }
  }

  /** Out of the log, whole as they are, to where an auditor finds them. */
  async setAside(organizationId: string, ids: readonly string[], foundAt: Date): Promise<void> {
    await this.transactions.sql(
      `WITH foreign_entries AS (
         DELETE FROM audit_entries
          WHERE organization_id = $1 AND id = ANY($2::text[]) AND sequence IS NULL RETURNING *)
       INSERT INTO audit_foreign_entries (position, organization_id, found_at, entry)
       SELECT position, organization_id, $3, to_jsonb(foreign_entries) FROM foreign_entries`,
      [organizationId, ids, foundAt],
    );
  }
}
