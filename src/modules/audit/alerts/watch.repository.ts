import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';
import { type KeyHistory, NO_HISTORY } from './domain/watch-key.js';

/** Who looks at a log for the first time begins where `$2` was: of what was long before nobody wants to hear. */
const HOLD_POSITION = `
INSERT INTO audit_watch_positions (organization_id, sequence)
VALUES ($1, coalesce(
  (SELECT min(sequence) - 1 FROM audit_entries WHERE organization_id = $1 AND occurred_at > $2),
  (SELECT max(sequence) FROM audit_entries WHERE organization_id = $1),
  0))
ON CONFLICT (organization_id) DO UPDATE SET sequence = audit_watch_positions.sequence
RETURNING sequence`;

const NEXT = `
SELECT ${ENTRY_COLUMNS}
  FROM audit_entries
 WHERE organization_id = $1 AND sequence > $2
 ORDER BY sequence
 LIMIT $3`;

const HOLD_HISTORIES = `
SELECT key_id, history
  FROM watched_keys
 WHERE organization_id = $1 AND key_id = ANY($2)
 ORDER BY key_id
   FOR UPDATE`;

const KEEP_HISTORY = `
INSERT INTO watched_keys (organization_id, key_id, history, updated_at)
VALUES ($1, $2, $3, $4)
ON CONFLICT (organization_id, key_id) DO UPDATE SET history = excluded.history, updated_at = excluded.updated_at`;

/** How far logs have been looked at, and what is remembered of keys. Each in the caller's transaction. */
@Injectable()
export class WatchRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /**
   * The place that was looked at last, or for who looks for the first time that of `since`, held until the transaction ends: one watches a
   * log at a time.
   */
  async holdPosition(organizationId: string, since: Date): Promise<number> {
    const [row] = await this.transactions.sql<{ sequence: string }>(HOLD_POSITION, [
      organizationId,
      since,
    ]);
    return Number(row?.sequence ?? 0);
  }

  async movePosition(organizationId: string, sequence: number): Promise<void> {
    await this.transactions.sql(
      'UPDATE audit_watch_positions SET sequence = $2 WHERE organization_id = $1',
      [organizationId, sequence],
    );
  }

  /** Sealed entries after that place: their order is final, and none comes between them later. */
  async next(organizationId: string, after: number, limit: number): Promise<StoredEntry[]> {
    const rows = await this.transactions.sql<EntryRow>(NEXT, [organizationId, after, limit]);
    return rows.map(entryOf);
  }

  async holdHistories(
    organizationId: string,
    keyIds: readonly string[],
  ): Promise<Map<string, KeyHistory>> {
    const rows = await this.transactions.sql<{ key_id: string; history: KeyHistory }>(
      HOLD_HISTORIES,
      [organizationId, keyIds],
    );
    const known = new Map(rows.map(({ key_id, history }) => [key_id, history]));
    return new Map(keyIds.map((id) => [id, known.get(id) ?? NO_HISTORY]));
  }

  async keepHistory(
    organizationId: string,
    keyId: string,
    history: KeyHistory,
    at: Date,
  ): Promise<void> {
    await this.transactions.sql(KEEP_HISTORY, [organizationId, keyId, JSON.stringify(history), at]);
  }
}
