import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';
import type { AuditExport } from './domain/audit-export.js';

/** An entry has up to 200 KiB of facts. */
const BATCH = 200;

/** The entries that an export is of, in the order of time. */
@Injectable()
export class ExportedEntriesRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async count(one: AuditExport): Promise<number> {
    const [row] = await this.transactions.sql<{ count: string }>(
      `SELECT count(*) AS count FROM audit_entries WHERE ${conditions(one)}`,
      parametersOf(one, one.from, ''),
    );
    return Number(row?.count ?? 0);
  }

  /** A batch at a time, each with a query of its own: no transaction is held open for as long as it takes. */
  async *read(one: AuditExport): AsyncGenerator<StoredEntry[]> {
    let after = { at: one.from, id: '' };
    for (;;) {
      const rows = await this.transactions.sql<EntryRow>(
        `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE ${conditions(one)} ORDER BY occurred_at, id LIMIT ${BATCH}`,
        parametersOf(one, after.at, after.id),
      );
      const last = rows.at(-1);
      if (!last) return;
      yield rows.map(entryOf);
      if (rows.length < BATCH) return;
      after = { at: last.occurred_at, id: last.id };
    }
  }
}

/** Only what is asked for, so that the planner finds the index that is made for it. */
function conditions({ keyId, eventTypes }: AuditExport): string {
  return [
    'organization_id = $1 AND (occurred_at, id) > ($2, $3) AND occurred_at < $4',
    keyId === null ? '$5::text IS NULL' : 'key_id = $5',
    eventTypes === null ? '$6::text[] IS NULL' : 'event_type = ANY ($6)',
  ].join(' AND ');
}

function parametersOf(one: AuditExport, at: Date, id: string): unknown[] {
  return [one.organizationId, at, id, one.to, one.keyId, one.eventTypes];
}
