import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

const DAY_MS = 86_400_000;
const EARLIEST_MS = Date.UTC(2020, 0, 1);
/** How far a record's time may be ahead of the database's clock. */
const MAX_AHEAD_MS = DAY_MS;
/** Any fixed number: whoever makes partitions takes the lock of this name. */
const PARTITION_LOCK = 7_203_101;
const MAX_DAYS_PER_TRANSACTION = 16;
const MAX_KNOWN_DAYS = 4_096;
/** All that have a partition for each day. */
const TABLES = ['usage_events', 'usage_rollup_minute', 'usage_breakdown_minute'] as const;
type Table = (typeof TABLES)[number];

/** Whole days since the Unix epoch, UTC. */
type Day = number;

/**
 * Sees to it that `usage_events`, and its roll-ups by minute, have a partition for each UTC day that is written to. There
 * is no default partition: attaching beside one would have to scan it under a lock that stops all writing.
 */
@Injectable()
export class PartitionKeeperService {
  readonly #known = new Set<Day>();
  /** The database's clock minus ours, as of when the last unknown day came up. */
  #skewMs = 0;

  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** Makes the partitions of today (by the database's clock) and of the `days` after it. Safe to run at any time. */
  async ensureAhead(days: number): Promise<void> {
    const today = dayOf(await this.#databaseNow());
    await this.#create(Array.from({ length: days + 1 }, (_, ahead) => today + ahead));
  }

  /**
   * Makes the partitions that records of these times need. No query when all their days are known.
   * @param moments milliseconds since the Unix epoch
   * @returns those that can't be stored: before 2020, or more than a day ahead of the database's clock
   */
  async prepare(moments: readonly number[]): Promise<ReadonlySet<number>> {
    const isUnknown = (day: Day): boolean => !this.#known.has(day);
    const hasUnknown = daysOf(moments).some(isUnknown);
    if (hasUnknown) this.#skewMs = (await this.#databaseNow()) - this.clock.now();
    const latest = this.clock.now() + this.#skewMs + MAX_AHEAD_MS;
    const isStorable = (moment: number): boolean => moment >= EARLIEST_MS && moment <= latest;
    if (hasUnknown) await this.#learn(daysOf(moments.filter(isStorable)).filter(isUnknown));
    return new Set(moments.filter((moment) => !isStorable(moment)));
  }

  /** A known partition turned out to be gone. */
  forget(): void {
    this.#known.clear();
  }

  async #learn(days: readonly Day[]): Promise<void> {
    await this.#create(days);
    if (this.#known.size + days.length > MAX_KNOWN_DAYS) this.forget();
    for (const day of days) this.#known.add(day);
  }

  async #databaseNow(): Promise<number> {
    const rows = await this.transactions.sql<{ now_ms: string }>(
      'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms',
    );
    return Number(rows[0]?.now_ms);
  }

  async #create(days: readonly Day[]): Promise<void> {
    for (let index = 0; index < days.length; index += MAX_DAYS_PER_TRANSACTION) {
      const some = days.slice(index, index + MAX_DAYS_PER_TRANSACTION);
      await this.transactions.run(() => this.#createInTransaction(some));
    }
  }

  async #createInTransaction(days: readonly Day[]): Promise<void> {
    const { transactions } = this;
    await transactions.sql(`SET LOCAL lock_timeout = '2s'`);
    await transactions.sql('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
    const wanted = TABLES.flatMap((table) => days.map((day) => ({ table, day })));
    const attached = await transactions.sql<{ name: string }>(
      `SELECT child.relname AS name FROM pg_inherits
         JOIN pg_class AS child ON child.oid = inhrelid
        WHERE inhparent = ANY($1::regclass[]) AND child.relname = ANY($2)`,
      [TABLES, wanted.map(partitionName)],
    );
    const existing = new Set(attached.map(({ name }) => name));
    for (const partition of wanted) {
      const { table, day } = partition;
      const name = partitionName(partition);
      if (existing.has(name)) continue;
      // CREATE … PARTITION OF would lock the whole table against readers and writers; ATTACH does not.
      await transactions.sql(
        `CREATE TABLE IF NOT EXISTS ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
      );
      await transactions.sql(
        `ALTER TABLE ${table} ATTACH PARTITION ${name}
           FOR VALUES FROM ('${isoDay(day)} 00:00:00+00') TO ('${isoDay(day + 1)} 00:00:00+00')`,
      );
    }
  }
}

/** Each once. Most moments are of the day of the one before. */
function daysOf(moments: readonly number[]): Day[] {
  const days = new Set<Day>();
  let last: Day | null = null;
  for (const moment of moments) {
    const day = dayOf(moment);
    if (day !== last) days.add(day);
    last = day;
  }
  return [...days];
}

function dayOf(moment: number): Day {
  return Math.floor(moment / DAY_MS);
}

/** `2026-11-21`. */
function isoDay(day: Day): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

function partitionName({ table, day }: { table: Table; day: Day }): string {
  return `${table}_${isoDay(day).replaceAll('-', '')}`;
}
