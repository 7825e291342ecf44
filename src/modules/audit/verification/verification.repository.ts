import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';

/** Pages of an organization's log, each by itself: a snapshot would have to be held for as long as reading all of it takes. */
@Injectable()
export class VerificationRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Behind this entry, in the order of the chain; from the very first on for `null`. */
  async sealedAfter(
    organizationId: string,
    last: StoredEntry | null,
    limit: number,
  ): Promise<StoredEntry[]> {
    // By id as well: of two entries with one place, which our index forbids, neither may be passed over.
    const rows = await this.transactions.sql<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM audit_entries
        WHERE organization_id = $1 AND sequence IS NOT NULL
          AND ($2::bigint IS NULL OR (sequence, id) > ($2, $3))
        ORDER BY sequence, id LIMIT $4`,
      [organizationId, last?.sequence ?? null, last?.entry.id ?? null, limit],
    );
    return rows.map(entryOf);
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
