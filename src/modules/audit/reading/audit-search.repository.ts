import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { StoredEntry } from '../domain/stored-entry.js';
import { ENTRY_COLUMNS, entryOf, type EntryRow } from '../trail/audit-entry.row.js';
import { factsAre, longFactsOf, termsOf, WORDS_VECTOR, wordsOf } from '../trail/entry-search.js';
import type { EntryFilter } from './entry-filter.js';

/** Of entries that are not sealed yet the words have to be made, some 100 µs each. */
const MAX_UNSEALED_READ = 500;

@Injectable()
export class AuditSearchRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** The newest `limit + 1` that pass, behind `after`. */
  async findNewest(
    organizationId: string,
    filter: EntryFilter,
    { after, limit }: { readonly after: CursorPosition | null; readonly limit: number },
  ): Promise<StoredEntry[]> {
    const query = new Search(organizationId, filter, after);
    const rows = await this.transactions.sql<EntryRow>(query.sqlOf(limit + 1), query.values);
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

/** The statement that finds entries, with the values that it names. */
class Search {
  readonly values: unknown[] = [];
  readonly #organizationId: string;
  readonly #filter: EntryFilter;
  readonly #conditions: string[];

  constructor(organizationId: string, filter: EntryFilter, after: CursorPosition | null) {
    this.#organizationId = organizationId;
    this.#filter = filter;
    const { from, to, userId, actingKeyId, actions, keyId } = filter;
    this.#conditions = [
      `organization_id = ${this.#bind(organizationId)}`,
      ...this.#given('occurred_at >= ?', from),
      ...this.#given('occurred_at < ?', to),
      ...this.#given('user_id = ?', userId),
      ...this.#given('acting_key_id = ?', actingKeyId),
      ...this.#given('action = ANY(?)', actions),
      ...this.#given('key_id = ?', keyId),
    ];
    if (after) {
      const [at, id] = [this.#bind(after.createdAt), this.#bind(after.id)];
      this.#conditions.push(`(occurred_at, id) < (${at}, ${id})`);
    }
  }

  sqlOf(limit: number): string {
    const count = this.#bind(limit);
    const { facts, words } = this.#filter;
    if (Object.keys(facts).length === 0 && words === undefined)
      return newest('audit_entries', this.#conditions, count);
    // The index holds what is sealed. The few others are read one by one.
    return `SELECT * FROM ((${this.#ofSealed(count)}) UNION ALL (${this.#ofUnsealed(count)})) AS found
      ORDER BY occurred_at DESC, id DESC LIMIT ${count}`;
  }

  /**
   * What is searched for is not compared as well, unless it is long: the planner would take the two for independent, and expect few
   * entries where there are many.
   */
  #ofSealed(count: string): string {
    const { words } = this.#filter;
    const terms = this.#bind(termsOf(this.#organizationId, this.#filter));
    return newest(
      'audit_entries',
      [
        ...this.#conditions,
        'sequence IS NOT NULL',
        ...factsAre(longFactsOf(this.#filter), this.#bound),
        `search @@ ${terms}::tsquery`,
        // On its own, as a text without words then matches nothing.
        ...(words === undefined ? [] : [`search @@ ${wordsOf(this.#bind(words))}`]),
      ],
      count,
    );
  }

  #ofUnsealed(count: string): string {
    const { words } = this.#filter;
    const unsealed = `SELECT * FROM audit_entries WHERE organization_id = $1 AND sequence IS NULL`;
    const conditions = [...this.#conditions, ...factsAre(this.#filter, this.#bound)];
    if (words === undefined) return newest(`(${unsealed}) AS unsealed`, conditions, count);
    return newest(
      `(${unsealed} ORDER BY position DESC LIMIT ${MAX_UNSEALED_READ}) AS unsealed`,
      [...conditions, `${WORDS_VECTOR} @@ ${wordsOf(this.#bind(words))}`],
      count,
    );
  }

  readonly #bound = (value: string): string => this.#bind(value);

  #bind(value: unknown): string {
    return `$${this.values.push(value)}`;
  }

  /** @param condition with `?` in the place of the value; none where there is no value */
  #given(condition: string, value: unknown): string[] {
    if (value === undefined || value === null) return [];
    return [condition.replace('?', () => this.#bind(value))];
  }
}

function newest(from: string, conditions: readonly string[], count: string): string {
  return `SELECT ${ENTRY_COLUMNS} FROM ${from} WHERE ${conditions.join(' AND ')}
    ORDER BY occurred_at DESC, id DESC LIMIT ${count}`;
}
