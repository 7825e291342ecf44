import type { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';

import type { Clock } from '#common/time/clock.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';

/** How far the clocks of instances may be apart: a window that began so shortly after may have been granted from. */
const MAX_CLOCK_SKEW_MS = 1_000;

/** By which it is known that Redis still has all that it was ever told since. Times are milliseconds since the epoch. */
export type Marker = {
  /** The server's run, a blank, and a random text. */
  readonly id: string;
  /** Windows that began before may have been lost; on the instances' clocks. */
  readonly windowsFrom: number;
  /** When rates may have been lost; on Redis' clock. */
  readonly ratesFrom: number;
};

type MarkerRow = {
  readonly id: string;
  readonly windows_from: string;
  readonly rates_from: number;
};

/**
 * Notices that Redis has lost what it was told: that it was emptied, or is another server, or was started again and may
 * have come up with less than it had. The marker stands in Redis, where it is lost with all else, and in PostgreSQL.
 */
export class RedisMarker {
  #known: Marker | null = null;
  /** Whether the server at the other end of the connection is known to be the one of the marker. */
  #isConfirmed = false;
  #agreeing: Promise<Marker> | null = null;

  constructor(
    private readonly redis: Redis,
    readonly key: string,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {
    redis.on('close', () => {
      this.#isConfirmed = false;
    });
  }

  /** What holds as far as this process knows. Whoever uses it has Redis compare its id. */
  async current(): Promise<Marker> {
    if (this.#known === null) return this.agree();
    if (!this.#isConfirmed) {
      if (!this.#known.id.startsWith(await this.#serverRun())) return this.agree();
      this.#isConfirmed = true;
    }
    return this.#known;
  }

  /**
   * Looks what PostgreSQL knows. Where Redis has another marker or none, it has lost what it was told: from now on there
   * is a new one in both.
   */
  agree(): Promise<Marker> {
    this.#agreeing ??= this.#agree().finally(() => {
      this.#agreeing = null;
    });
    return this.#agreeing;
  }

  async #agree(): Promise<Marker> {
    const run = await this.#serverRun();
    // Redis is asked inside the transaction: instances that notice at once agree one after the other. It is over within a
    // few patiences of the connection to Redis.
    const marker = await this.transactions.run(async () => {
      await this.transactions.sql('LOCK TABLE redis_markers IN EXCLUSIVE MODE');
      const remembered = await this.#remembered();
      const found = await this.redis.get(this.key);
      const isSame = found !== null && found === remembered?.id && found.startsWith(run);
      if (remembered && isSame) return remembered;
      const isFirst = remembered === null && found === null;
      const next: Marker = {
        id: run + randomBytes(16).toString('base64url'),
        windowsFrom: isFirst ? 0 : this.clock.now() + MAX_CLOCK_SKEW_MS,
        ratesFrom: isFirst ? 0 : await this.redisNow(),
      };
      await this.#remember(next);
      await this.redis.set(this.key, next.id);
      return next;
    });
    this.#known = marker;
    this.#isConfirmed = true;
    return marker;
  }

  async #remembered(): Promise<Marker | null> {
    const [row] = await this.transactions.sql<MarkerRow>(
      'SELECT id, windows_from, rates_from FROM redis_markers',
    );
    if (!row) return null;
    return {
      id: row.id,
      windowsFrom: Number(row.windows_from),
      ratesFrom: row.rates_from,
    };
  }

  async #remember({ id, windowsFrom, ratesFrom }: Marker): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO redis_markers (id, windows_from, rates_from) VALUES ($1, $2, $3)
       ON CONFLICT (is_only) DO UPDATE
         SET id = EXCLUDED.id, windows_from = EXCLUDED.windows_from, rates_from = EXCLUDED.rates_from`,
      [id, windowsFrom, ratesFrom],
    );
  }

  /** Changes with each start of the server, and is another one on a replica. */
  async #serverRun(): Promise<string> {
    const info = await this.redis.info('server');
    return `${/^run_id:(\S+)/m.exec(info)?.[1] ?? 'unknown'} `;
  }

  /** Milliseconds since the epoch, on its clock. */
  async redisNow(): Promise<number> {
    const [seconds, micros] = await this.redis.time();
    return Number(seconds) * 1_000 + Number(micros) / 1_000;
  }
}
