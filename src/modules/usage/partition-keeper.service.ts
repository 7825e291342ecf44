import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { MINUTES_KEPT_DAYS } from './usage-reports.port.js';

const DAY_MS = 86_400_000;
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
    @Inject(CONFIG) private readonly config: Pick<Config, 'usageRetentionDays'>,
  ) {}

  /** Makes the partitions of today (by the database's clock) and of the `days` after it. Safe to run at any time. */
  async ensureAhead(days: number): Promise<void> {
    const today = dayOf(await this.#databaseNow());
    await this.#create(Array.from({ length: days + 1 }, (_, ahead) => today + ahead));
  }

  /**
   * Makes the partitions that records of these times need. No query when all their days are known.
   * @param moments milliseconds since the Unix epoch
   * @returns those that can't be stored: so old that records of that time are not kept, when nobody can tell any more
   * whether they were counted; or more than a day ahead of the database's clock
   */
  async prepare(moments: readonly number[]): Promise<ReadonlySet<number>> {
    const isUnknown = (day: Day): boolean => !this.#known.has(day);
    const hasUnknown = daysOf(moments).some(isUnknown);
    if (hasUnknown) this.#skewMs = (await this.#databaseNow()) - this.clock.now();
    const now = this.clock.now() + this.#skewMs;
    const earliest = this.#firstDay('usage_events', now) * DAY_MS;
    const isStorable = (moment: number): boolean =>
      moment >= earliest && moment <= now + MAX_AHEAD_MS;
    if (hasUnknown) await this.#learn(daysOf(moments.filter(isStorable)).filter(isUnknown));
    return new Set(moments.filter((moment) => !isStorable(moment)));
  }

  /**
   * Drops the partitions of days that are not kept any longer.
   * @returns their names
   */
  async dropExpired(): Promise<string[]> {
    const now = await this.#databaseNow();
    const expired = (await this.#attached(TABLES)).filter(
      ({ table, day }) => day < this.#firstDay(table, now),
    );
    for (const partition of expired) {
      await this.transactions.run(async () => {
        await this.#lock();
        await this.transactions.sql(`DROP TABLE IF EXISTS ${partitionName(partition)}`);
      });
    }
    this.forget();
    return expired.map(partitionName);
  }

  /** The days that there are records of, in their order. */
  async daysWithEvents(): Promise<string[]> {
    const partitions = await this.#attached(['usage_events']);
    return partitions.map(({ day }) => isoDay(day)).sort();
  }

  #firstDay(table: Table, now: number): Day {
    const isOfMinutes = table !== 'usage_events';
    return dayOf(now) - (isOfMinutes ? MINUTES_KEPT_DAYS : this.config.usageRetentionDays);
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
    await this.#lock();
    const wanted = TABLES.flatMap((table) => days.map((day) => ({ table, day })));
    const existing = new Set((await this.#attached(TABLES)).map(partitionName));
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

  /** Before anything is changed about partitions, in a transaction. */
  async #lock(): Promise<void> {
    await this.transactions.sql(`SET LOCAL lock_timeout = '2s'`);
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1)', [PARTITION_LOCK]);
  }

  async #attached(tables: readonly Table[]): Promise<Partition[]> {
    const rows = await this.transactions.sql<{ table: Table; day: string }>(
      `SELECT parent.relname AS table, right(child.relname, 8)::date - date '1970-01-01' AS day
         FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
        WHERE inhparent = ANY($1::regclass[])`,
      [tables],
    );
    return rows.map(({ table, day }) => ({ table, day: Number(day) }));
  }
}

/** The UTC day that a partition of a table is for. */
type Partition = { readonly table: Table; readonly day: Day };

function partitionName({ table, day }: Partition): string {
  return `${table}_${isoDay(day).replaceAll('-', '')}`;
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
