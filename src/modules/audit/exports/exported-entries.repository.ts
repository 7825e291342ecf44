import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';
import type { AuditExport } from './domain/audit-export.js';

/** Places of the log, or of the key's, that one query of counting looks at: far less than what a statement may take. */
const COUNTED_AT_ONCE = 10_000;
/** An entry has up to 200 KiB of facts. */
const READ_AT_ONCE = 100;

/** Places in the chain: from behind `after` up to `last`. */
export type Stretch = { readonly after: number; readonly last: number };

type CountRow = { readonly count: string; readonly first: string | null; readonly last: string };

/**
 * The sealed entries that an export is of, in the order of the chain. Each query looks at a bounded part of it, whatever of that is asked
 * for, and no transaction is held open for as long as it takes.
 */
@Injectable()
export class ExportedEntriesRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Of all up to `head`, part by part: how many there are, and in which stretch they all are. */
  async *count(
    one: AuditExport,
    head: number,
  ): AsyncGenerator<{ readonly entries: number; readonly stretch: Stretch }> {
    for await (const part of this.#partsOf(one, { after: 0, last: head }, COUNTED_AT_ONCE)) {
      const [row] = await this.transactions.sql<CountRow>(
        `SELECT count(*) AS count, min(sequence) AS first, max(sequence) AS last
           FROM audit_entries WHERE ${conditions(one)}`,
        parametersOf(one, part),
      );
      const first = row?.first ?? null;
      // Told of even where it has none: whoever counts has to say that they are alive.
      const stretch = first === null ? part : { after: Number(first) - 1, last: Number(row?.last) };
      yield { entries: first === null ? 0 : Number(row?.count), stretch };
    }
  }

  async *read(one: AuditExport, stretch: Stretch): AsyncGenerator<StoredEntry[]> {
    for await (const part of this.#partsOf(one, stretch, READ_AT_ONCE)) {
      const rows = await this.transactions.sql<EntryRow>(
        `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE ${conditions(one)} ORDER BY sequence`,
        parametersOf(one, part),
      );
      yield rows.map(entryOf);
    }
  }

  /** Parts of so many places that are there, of the log or of the key's, whatever else is asked for. */
  async *#partsOf(one: AuditExport, stretch: Stretch, places: number): AsyncGenerator<Stretch> {
    let { after } = stretch;
    while (after < stretch.last) {
      const [row] = await this.transactions.sql<{ sequence: string }>(
        `SELECT sequence FROM audit_entries WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3 AND ${ofKey(one, '$4')}
          ORDER BY sequence OFFSET $5 LIMIT 1`,
        [one.organizationId, after, stretch.last, one.keyId, places - 1],
      );
      const last = row ? Number(row.sequence) : stretch.last;
      yield { after, last };
      after = last;
    }
  }
}

/** Only what is asked for, so that the planner finds the index that is made for it. */
function conditions(one: AuditExport): string {
  return [
    'organization_id = $1 AND sequence > $2 AND sequence <= $3',
    ofKey(one, '$4'),
    'occurred_at >= $5 AND occurred_at < $6',
    one.eventTypes === null ? '$7::text[] IS NULL' : 'event_type = ANY ($7)',
  ].join(' AND ');
}

function ofKey({ keyId }: AuditExport, parameter: string): string {
  return keyId === null ? `${parameter}::text IS NULL` : `key_id = ${parameter}`;
}

function parametersOf(one: AuditExport, { after, last }: Stretch): unknown[] {
  return [one.organizationId, after, last, one.keyId, one.from, one.to, one.eventTypes];
}
