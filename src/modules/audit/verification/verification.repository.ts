import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ChainHead } from '../domain/chain.js';
import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';

/** In the order of the chain, where in a log that was tampered with two may have the same place. */
export type EntryPlace = { readonly sequence: number; readonly id: string };

/** Behind all that stands up to here. */
export function behind({ size }: ChainHead): EntryPlace {
  return { sequence: size + 1, id: '' };
}

/** Pages of an organization's log, each by itself: a snapshot would have to be held for as long as reading all of it takes. */
@Injectable()
export class VerificationRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Behind this entry, in the order of the chain; from the very first on for `null`. */
  async sealedAfter(
    organizationId: string,
    last: EntryPlace | null,
    limit: number,
  ): Promise<StoredEntry[]> {
    // By id as well: of two entries with one place, which our index forbids, neither may be passed over.
    const rows = await this.transactions.sql<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM audit_entries
        WHERE organization_id = $1 AND sequence IS NOT NULL
          AND ($2::bigint IS NULL OR (sequence, id) > ($2, $3))
        ORDER BY sequence, id LIMIT $4`,
      [organizationId, last?.sequence ?? null, last?.id ?? null, limit],
    );
    return rows.map(entryOf);
  }

  /** The first that stands between two places, the second included. */
  async firstBetween(
    organizationId: string,
    after: number,
    upTo: number,
  ): Promise<EntryPlace | null> {
    const [row] = await this.transactions.sql<{ sequence: string; id: string }>(
      `SELECT sequence, id FROM audit_entries
        WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence, id LIMIT 1`,
      [organizationId, after, upTo],
    );
    return row ? { sequence: Number(row.sequence), id: row.id } : null;
  }

  /** The first that stands where a cut says that all were removed. In one statement: so no cut is younger than what is looked at. */
  async firstRemoved(organizationId: string): Promise<EntryPlace | null> {
    const [row] = await this.transactions.sql<{ sequence: string; id: string }>(
      `SELECT entry.sequence, entry.id
         FROM audit_checkpoints AS cut, LATERAL (
           SELECT sequence, id FROM audit_entries
            WHERE organization_id = $1 AND sequence > cut.removed_after AND sequence <= cut.size
            ORDER BY sequence, id LIMIT 1) AS entry
        WHERE cut.organization_id = $1 AND cut.is_cut ORDER BY entry.sequence, entry.id LIMIT 1`,
      [organizationId],
    );
    return row ? { sequence: Number(row.sequence), id: row.id } : null;
  }

  /** Behind this position, with the position of the last. */
  async unsealedAfter(
    organizationId: string,
    position: string,
    limit: number,
  ): Promise<{ entries: StoredEntry[]; position: string }> {
    const rows = await this.transactions.sql<EntryRow & { position: string }>(
      `SELECT position, ${ENTRY_COLUMNS} FROM audit_entries
        WHERE organization_id = $1 AND sequence IS NULL AND position > $2 ORDER BY position LIMIT $3`,
      [organizationId, position, limit],
    );
    return { entries: rows.map(entryOf), position: rows.at(-1)?.position ?? position };
  }
}
