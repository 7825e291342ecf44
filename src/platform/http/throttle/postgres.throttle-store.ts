import pg from 'pg';

import type { Secret } from '#common/secret/secret.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type Counted, type Hits, MAX_STORE_MS, ThrottleStore } from './throttle-store.port.js';

/**
 * Always in the same order: two instances that add to the same counters must not wait for each other. What is taken back of a
 * window that is over by now is nothing in the next one.
 */
const ADD = `
  WITH asked AS (
    SELECT * FROM unnest($1::text[], $2::int[], $3::int[]) AS asked (counter, hits, window_ms))
  INSERT INTO throttle_counters AS known (counter, hits, ends_at)
  SELECT counter, greatest(0, hits), now() + window_ms * interval '1 millisecond'
    FROM asked ORDER BY counter COLLATE "C"
  ON CONFLICT (counter) DO UPDATE SET
    hits = greatest(0, (SELECT hits FROM asked WHERE asked.counter = known.counter)
      + CASE WHEN known.ends_at > now() THEN known.hits ELSE 0 END),
    ends_at = CASE WHEN known.ends_at > now() THEN known.ends_at ELSE EXCLUDED.ends_at END
  RETURNING counter, hits AS total, extract(epoch FROM ends_at - now())::float8 * 1000 AS "endsInMs"`;

/** Not those that somebody adds to just now: their order would be another one. */
const PURGE = `
  WITH gone AS (
    DELETE FROM throttle_counters WHERE counter IN (
      SELECT counter FROM throttle_counters WHERE ends_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED)
    RETURNING 1)
  SELECT count(*)::int AS count FROM gone`;

type Row = Counted & { readonly counter: string };

export class PostgresThrottleStore extends ThrottleStore {
  /** Its own connections: they give up much sooner than those that do the work, and never keep that waiting. */
  readonly #pool: pg.Pool;

  constructor(databaseUrl: Secret) {
    super();
    this.#pool = new pg.Pool({
      connectionString: databaseUrl.reveal(),
      application_name: 'latchkey-throttle',
      max: 2,
      idleTimeoutMillis: 10_000,
      allowExitOnIdle: true,
      connectionTimeoutMillis: MAX_STORE_MS,
      query_timeout: MAX_STORE_MS,
      statement_timeout: MAX_STORE_MS,
    });
    this.#pool.on('error', () => {
      // An idle connection broke. The pool has dropped it, and the next call opens another.
    });
  }

  override async add(hits: readonly Hits[]): Promise<readonly Counted[]> {
    const { rows } = await this.#pool.query<Row>(ADD, [
      hits.map(({ counter }) => counter),
      hits.map((one) => one.hits),
      hits.map(({ windowMs }) => windowMs),
    ]);
    const byCounter = new Map(rows.map((row) => [row.counter, row]));
    return hits.map(({ counter }) => {
      const row = byCounter.get(counter);
      if (!row) throw new Error('PostgreSQL has not counted every hit.');
      return { total: row.total, endsInMs: Math.floor(row.endsInMs) };
    });
  }

  override close(): Promise<void> {
    return this.#pool.end();
  }
}

/**
 * Deletes at most `maxCounters` whose window is over.
 * @returns how many
 */
export async function purgeThrottleCounters(
  transactions: TransactionRunner,
  maxCounters: number,
): Promise<number> {
  const [row] = await transactions.sql<{ count: number }>(PURGE, [maxCounters]);
  return row?.count ?? 0;
}
