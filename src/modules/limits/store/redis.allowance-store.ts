import type { Redis } from 'ioredis';

import { AppError } from '#common/errors/app-error.js';
import type { Secret } from '#common/secret/secret.js';
import type { Clock } from '#common/time/clock.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';
import type { Logger } from '#platform/observability/logger.js';
import { connectRedis } from '#platform/redis/connect-redis.js';
import { redisForCommands } from '#platform/redis/redis-for-commands.js';
import { redisNamespace } from '#platform/redis/redis-namespace.js';

import {
  type AllowanceState,
  AllowanceStore,
  type Holder,
  type LeaseAnswer,
  type LeaseAsk,
  type RateAnswer,
  type RateAsk,
  type UsedLease,
} from './allowance-store.port.js';
import { rateAnswer } from './rate-answer.js';
import { type Marker, RedisMarker } from './redis-marker.js';
import { EXCHANGE, RECOVER, TAKE_RATES } from './redis-scripts.js';

/** Below the patience of whoever exchanges leases. */
const MAX_COMMAND_MS = 1_000;
/** After the end of a window, so that a holder with a slow clock finds it. */
const KEPT_MS = 10 * 60_000;
/** Windows in one script: Redis does nothing else meanwhile. */
const MAX_WINDOWS = 500;

type Surroundings = {
  readonly transactions: TransactionRunner;
  readonly clock: Clock;
  readonly logger: Logger;
};

/**
 * Allowances of a second and of a minute in Redis 6.2 or newer, or Valkey. Each answer is that of `PostgresAllowanceStore`
 * to the same, as long as Redis keeps what it is told. Windows that it may have lost are granted from no more, and lost
 * rates begin with their burst used up: see {@link RedisMarker}.
 */
export class RedisAllowanceStore extends AllowanceStore {
  override readonly name = 'Redis';
  readonly #marker: RedisMarker;

  private constructor(
    private readonly redis: Redis,
    private readonly namespace: string,
    private readonly lasting: AllowanceStore,
    private readonly around: Surroundings,
  ) {
    super();
    const { transactions, clock } = around;
    this.#marker = new RedisMarker(redis, `${namespace}:marker`, transactions, clock);
  }

  /**
   * Resolves when Redis takes commands, and rejects when it does not.
   * @param lasting gives out the epochs, which must never come twice
   */
  static async connect(
    redisUrl: Secret,
    lasting: AllowanceStore,
    around: Surroundings,
  ): Promise<RedisAllowanceStore> {
    const redis = redisForCommands(redisUrl, MAX_COMMAND_MS);
    try {
      await connectRedis(redis);
      await warnOfEviction(redis, around.logger);
    } catch (error) {
      redis.disconnect();
      throw error;
    }
    const namespace = `${await redisNamespace(around.transactions)}:limits`;
    return new RedisAllowanceStore(redis, namespace, lasting, around);
  }

  override nextEpoch(): Promise<number> {
    return this.lasting.nextEpoch();
  }

  override async recover(holder: Holder, used: readonly UsedLease[] | null): Promise<void> {
    try {
      await this.#recover(holder, used);
    } catch (error) {
      // It stays down for all that it was granted, until the minute is over. That is no reason not to start.
      this.around.logger.warn({ err: error }, 'Redis does not take back what was left of limits');
    }
  }

  async #recover(holder: Holder, used: readonly UsedLease[] | null): Promise<void> {
    // Now, so that later PostgreSQL is not needed for what is in Redis.
    await this.#marker.current();
    const [seconds] = await this.redis.time();
    const now = `(${seconds}000`;
    const windows = await this.redis.zrangebyscore(this.#indexOf(holder), now, '+inf');
    const known = new Map(
      used?.map((one) => [this.#windowOf(one.allowance, one.startsAt), one.used]),
    );
    for (let at = 0; at < windows.length; at += MAX_WINDOWS) {
      const some = windows.slice(at, at + MAX_WINDOWS);
      const amounts = some.map((window) => (used === null ? '' : (known.get(window) ?? 0)));
      await this.#run(RECOVER, some, () => [holder.id, holder.fence, ...amounts]);
    }
  }

  override async exchange(
    holder: Holder,
    asks: readonly LeaseAsk[],
  ): Promise<(LeaseAnswer | null)[]> {
    const windows = asks.flatMap(({ allowance, window, debtFrom }) => [
      this.#windowOf(allowance, window.startsAt),
      this.#windowOf(allowance, debtFrom ?? window.startsAt),
    ]);
    const answers = await this.#run(
      EXCHANGE,
      [this.#indexOf(holder), ...windows],
      ({ windowsFrom }) => [windowsFrom, holder.id, holder.fence, ...asks.flatMap(toArguments)],
    );
    return (answers as (Answer | null)[]).map((answer) => answer && toAnswer(answer));
  }

  override async takeRates(asks: readonly RateAsk[]): Promise<RateAnswer[]> {
    const answers = await this.#run(
      TAKE_RATES,
      asks.map(({ allowance }) => this.#rateOf(allowance)),
      ({ ratesFrom }) => [
        ratesFrom,
        KEPT_MS,
        ...asks.flatMap(({ organizationId, perSecond, burst, back, need, want }) => [
          organizationId,
          perSecond,
          burst,
          back,
          need + want,
        ]),
      ],
    );
    const taken = answers as [number, string][];
    return asks.map(({ perSecond, burst }, at) => {
      const [granted, aheadMs] = taken[at] ?? [0, 0];
      return rateAnswer({ granted, aheadMs: Number(aheadMs), perSecond, burst });
    });
  }

  override async read(
    organizationId: string,
    windows: readonly { readonly allowance: string; readonly startsAt: number }[],
    holderId: string,
  ): Promise<AllowanceState[]> {
    const found = await this.#readEach(
      windows.map(({ allowance, startsAt }) => this.#windowOf(allowance, startsAt)),
      ['org', 'total', 'spent', `h:${holderId}`],
    );
    return windows.flatMap((window, at) => {
      const [organization, total, spent, entry] = found[at] ?? [];
      return organization === organizationId
        ? [{ ...window, total: Number(total), spent: Number(spent), own: ownOf(entry ?? null) }]
        : [];
    });
  }

  override async readRates(
    organizationId: string,
    allowances: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    if (allowances.length === 0) return new Map();
    const now = await this.#reading(() => this.#marker.redisNow());
    const found = await this.#readEach(
      allowances.map((allowance) => this.#rateOf(allowance)),
      ['org', 'tat'],
    );
    return new Map(
      allowances.flatMap((allowance, at) => {
        const [organization, tat] = found[at] ?? [];
        return organization === organizationId
          ? [[allowance, Math.max(0, Number(tat) - now)] as const]
          : [];
      }),
    );
  }

  /** Keys expire by themselves. */
  override sweep(): Promise<void> {
    return Promise.resolve();
  }

  override close(): void {
    this.redis.disconnect();
  }

  /** Has the script compare the marker; where it is wrong all instances agree on another, once. */
  async #run(
    script: string,
    keys: readonly string[],
    argumentsFor: (marker: Marker) => readonly (string | number)[],
  ): Promise<unknown> {
    for (const marker of [() => this.#marker.current(), () => this.#marker.agree()]) {
      const known = await marker();
      const answer = await this.redis.eval(
        script,
        keys.length + 1,
        this.#marker.key,
        ...keys,
        known.id,
        ...argumentsFor(known),
      );
      if (answer !== null) return answer;
    }
    throw new Error('Redis has lost what it was told a moment ago.');
  }

  /** Fields of hashes; `null` for each that is not there. */
  async #readEach(
    keys: readonly string[],
    fields: readonly string[],
  ): Promise<(string | null)[][]> {
    return this.#reading(() => Promise.all(keys.map((key) => this.redis.hmget(key, ...fields))));
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      throw new AppError('service_unavailable', {
        message: 'What is used of limits of a second or a minute can’t be looked up at the moment.',
        headers: { 'retry-after': '1' },
        cause,
      });
    }
  }

  #windowOf(allowance: string, startsAt: number): string {
    return `${this.namespace}:window:${startsAt}:${allowance}`;
  }

  #rateOf(allowance: string): string {
    return `${this.namespace}:rate:${allowance}`;
  }

  /** The windows of a holder, each with its end. */
  #indexOf({ id }: Holder): string {
    return `${this.namespace}:holder:${id}`;
  }
}

/** What the script takes of each. */
function toArguments(ask: LeaseAsk): (string | number)[] {
  const { startsAt, endsAt } = ask.window;
  return [
    ask.organizationId,
    startsAt,
    endsAt,
    endsAt - startsAt + KEPT_MS,
    ask.limit,
    ask.debtFrom === null ? 0 : 1,
    ask.keep ?? '',
    ask.spent,
    ask.need,
    ask.want,
    ask.alertAt ?? '',
  ];
}

type Answer = readonly [
  kept: number,
  granted: number,
  total: number,
  spent: number,
  holders: number,
  raised: number,
];

function toAnswer([kept, granted, total, spent, holders, raised]: Answer): LeaseAnswer {
  const reached = raised === 0 ? null : raised === 1 ? 'threshold' : 'limit';
  // Parallel requests, the only ones that calls wait for in line, are in PostgreSQL, and so is credit.
  return { kept, granted, total, spent, holders, funded: null, othersWaitingMs: null, reached };
}

/** Of what a holder’s field of a window says. */
function ownOf(entry: string | null): AllowanceState['own'] {
  const [kept = 0, granted = 0, spent = 0] = entry?.split(' ').map(Number) ?? [];
  return { total: kept + granted, spent };
}

/** A window that is evicted could be granted a second time. */
async function warnOfEviction(redis: Redis, logger: Logger): Promise<void> {
  const policy = /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  logger.warn(
    { maxmemory_policy: policy },
    'Redis may evict keys, and limits would be granted twice: set maxmemory-policy to noeviction',
  );
}
