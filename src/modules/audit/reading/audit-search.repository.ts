import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';
import type { EntryFilter } from './entry-filter.js';

/** The words of a text, as those of entries are found: whole, but for the last, which may be the beginning of one. */
const wordsOf = (text: string): string =>
  `regexp_replace(plainto_tsquery('simple', regexp_replace(${text}, '[!-/:-@\\[-\`{-~]+', ' ', 'g'))::text, '''$', ''':*')::tsquery`;

@Injectable()
export class AuditSearchRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** The newest `limit + 1` that pass, behind `after`. */
  async findNewest(
    organizationId: string,
    filter: EntryFilter,
    { after, limit }: { readonly after: CursorPosition | null; readonly limit: number },
  ): Promise<StoredEntry[]> {
    const query = new Conditions(organizationId);
    const { from, to, userId, actingKeyId, actions, keyId } = filter;
    query.addGiven('occurred_at >= ?', from);
    query.addGiven('occurred_at < ?', to);
    query.addGiven('user_id = ?', userId);
    query.addGiven('acting_key_id = ?', actingKeyId);
    query.addGiven('action = ANY(?)', actions);
    query.addGiven('key_id = ?', keyId);
    query.addSearch(filter);
    if (after) {
      const [at, id] = [query.bind(after.createdAt), query.bind(after.id)];
      query.sql += ` AND (occurred_at, id) < (${at}, ${id})`;
    }
    const rows = await this.transactions.sql<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE ${query.sql}
        ORDER BY occurred_at DESC, id DESC LIMIT ${query.bind(limit + 1)}`,
      query.values,
    );
    return rows.map(entryOf);
  }

  async find(organizationId: string, id: string): Promise<StoredEntry | null> {
    const [row] = await this.transactions.sql<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM audit_entries WHERE organization_id = $1 AND id = $2`,
      [organizationId, id],
    );
    return row ? entryOf(row) : null;
  }
}

/** Conditions of a statement with the values that they name. */
class Conditions {
  sql: string;
  readonly values: unknown[] = [];

  constructor(private readonly organizationId: string) {
    this.sql = `organization_id = ${this.bind(organizationId)}`;
  }

  bind(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  /** @param condition with `?` in the place of the value */
  addGiven(condition: string, value: unknown): void {
    if (value === undefined || value === null) return;
    this.sql += ` AND ${condition.replace('?', () => this.bind(value))}`;
  }

  /**
   * Facts are compared as well as searched for, since `search` holds no more than 256 characters of one; so few entries are left
   * over that this costs nothing.
   */
  addSearch({ facts, words }: EntryFilter): void {
    const given = Object.entries(facts);
    if (given.length === 0 && words === undefined) return;
    for (const [name, value] of given)
      this.addGiven(`${name === 'ip_address' ? `personal ->> 'ip_address'` : name} = ?`, value);
    // Of a word that other organizations have much of, the index reads only what is ours as well.
    const all: [string, string][] = [['organization_id', this.organizationId], ...given];
    const terms = all.map(([name, value]) =>
      quoted(`=${name}:${Array.from(value).slice(0, 256).join('')}`),
    );
    this.sql += ` AND search @@ ${this.bind(terms.join(' & '))}::tsquery`;
    // On its own, as a text without words then matches nothing.
    if (words !== undefined) this.sql += ` AND search @@ ${wordsOf(this.bind(words))}`;
  }
}

/** A term of a `tsquery`: https://www.postgresql.org/docs/18/datatype-textsearch.html#DATATYPE-TSQUERY. */
function quoted(term: string): string {
  return `'${term.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
