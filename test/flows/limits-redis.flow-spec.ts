import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { SystemClock } from '#common/time/clock.js';
import type { Allowance } from '#modules/limits/domain/allowance.js';
import type { AllowanceStore } from '#modules/limits/store/allowance-store.port.js';
import { RedisAllowanceStore } from '#modules/limits/store/redis.allowance-store.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';

import { codeOf, startTestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type OwnRedis, startOwnRedis, WITHOUT_OWN_REDIS } from '../support/redis.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { allowance, Instance, SetClock } from './limits.harness.js';

const MINUTE_MS = 60_000;
/** A second is enough on a machine that has nothing else to do. */
const PATIENCE = { timeout: 5_000 };
const CENT = 10_000_000;
const perMinute = (limit: number): Allowance => allowance({ window: 'minute', limit });
const BUDGET = allowance({ metric: 'cost', limit: 100 * CENT });

let clock: SetClock;
let database: TestDatabase;
let redis: OwnRedis;
/** Between the instances and PostgreSQL, and Redis. */
let toPostgres: TcpProxy;
let toRedis: TcpProxy;
let instances: [Instance, Instance];

async function admittedOf(calls: number, limits: Allowance[]): Promise<number> {
  const accounts = instances.map((instance) => instance.account(limits));
  const results = await Promise.all(
    Array.from({ length: calls }, (_, call) => instances[call % 2]!.tryTake(accounts[call % 2]!)),
  );
  expect(new Set(results)).toContain('admitted');
  for (const result of results) expect(['admitted', 'rate_limit_exceeded']).toContain(result);
  return results.filter((result) => result === 'admitted').length;
}

/** How many one instance lets in before it refuses. */
async function untilRefused(instance: Instance, limit: Allowance): Promise<number> {
  const account = instance.account([limit]);
  let admitted = 0;
  for (;;) {
    const result = await instance.tryTake(account);
    if (result !== 'admitted') {
      expect(result).toBe('rate_limit_exceeded');
      return admitted;
    }
    admitted++;
  }
}

describe.skipIf(WITHOUT_OWN_REDIS !== null)(
  WITHOUT_OWN_REDIS === null
    ? 'limits in Redis'
    : `limits in Redis (skipped: ${WITHOUT_OWN_REDIS})`,
  () => {
    beforeEach(async () => {
      clock = new SetClock(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS + 10_000);
      [database, redis] = await Promise.all([createTestDatabase(), startOwnRedis()]);
      [toPostgres, toRedis] = await Promise.all([
        startTcpProxy(database.url),
        startTcpProxy(redis.url),
      ]);
      const start = (): Promise<Instance> =>
        Instance.start(toPostgres.url, clock, { redisUrl: toRedis.url });
      instances = await Promise.all([start(), start()]);
    });
    afterEach(async () => {
      toPostgres.restore();
      toRedis.restore();
      await Promise.all(instances.map((instance) => instance.stop()));
      await Promise.all([toPostgres.stop(), toRedis.stop()]);
      await Promise.all([database.drop(), redis.stop()]);
    });

    /** Each has to hear that they are two. */
    const untilTheyKnowEachOther = (): Promise<void> => sleep(2_200);

    it('hold exactly over all instances, in each window', async () => {
      expect(await admittedOf(200, [perMinute(50)])).toBe(50);
      clock.time += MINUTE_MS;
      expect(await admittedOf(200, [perMinute(50)])).toBe(50);
      clock.time -= MINUTE_MS;
      expect(await instances[0].tryTake(instances[0].account([perMinute(50)]))).not.toBe(
        'admitted',
      );
    });

    it('are in Redis only where they are of a second or a minute, and not money', async () => {
      const limits = [
        perMinute(9),
        allowance({ window: 'second', limit: 9, burst: 9 }),
        allowance({ window: 'hour', limit: 9 }),
        allowance({ window: 'minute', metric: 'cost', limit: CENT }),
        allowance({ window: 'none', metric: 'parallel_requests', limit: 9 }),
      ];
      expect(await instances[0].tryTake(instances[0].account(limits))).toBe('admitted');
      const keys = (await redis.command('KEYS', '*')) as string[];
      const names = keys.map((key) => key.replace(/^latchkey:[\d-]+:limits:/, ''));
      expect(names.sort()).toEqual([
        expect.stringMatching(/^holder:/),
        'marker',
        'rate:key:key_a:requests:second',
        expect.stringMatching(/^window:\d+:key:key_a:requests:minute$/),
      ]);
      const lives = await Promise.all(keys.map((key) => redis.command('PTTL', key)));
      // All but the marker.
      expect(lives.filter((ms) => Number(ms) > 9 * MINUTE_MS)).toHaveLength(3);
    });

    it.each(['refuse', 'swallow'] as const)(
      'go on in a share while Redis is away, and nothing else is affected; then they are told (it may %s)',
      async (how) => {
        const [one, two] = instances;
        const others = [
          BUDGET,
          allowance({ window: 'hour', limit: 1_000 }),
          allowance({ window: 'none', metric: 'parallel_requests', limit: 500 }),
        ];
        await untilTheyKnowEachOther();
        expect(await one.tryTake(one.account([perMinute(101)]))).toBe('admitted');
        toRedis[how]();
        const askedAt = performance.now();
        expect(await one.tryTake(one.account([perMinute(101), ...others]), CENT)).toBe('admitted');
        expect(performance.now() - askedAt).toBeLessThan(2_500);
        // Half of all, with the two that were let in.
        expect(await untilRefused(one, perMinute(101))).toBe(48);
        expect(await one.tryTake(one.account(others), CENT)).toBe('admitted');
        expect(await two.tryTake(two.account(others), CENT)).toBe('admitted');
        toRedis.restore();
        const otherKey = (name: string) => one.account([{ ...perMinute(5), subjectId: name }]);
        await vi.waitFor(async () => {
          await one.tryTake(otherKey('key_b'));
          const keys = (await redis.command('KEYS', '*key_b*')) as string[];
          expect(keys).toHaveLength(1);
        }, 10_000);
        // What it has taken ahead of need meanwhile comes back when it is not used.
        await sleep(1_800);
        expect(await untilRefused(two, perMinute(101))).toBe(51);
      },
    );

    it('go on while PostgreSQL is away, exactly; only what is there is refused', async () => {
      const [one] = instances;
      expect(await one.tryTake(one.account([BUDGET, perMinute(50)]), CENT)).toBe('admitted');
      toPostgres.refuse();
      expect(await one.tryTake(one.account([BUDGET]), CENT)).toBe('service_unavailable');
      expect(await admittedOf(100, [perMinute(50)])).toBe(49);
      clock.time += MINUTE_MS;
      expect(await admittedOf(100, [perMinute(50)])).toBe(50);
    });

    it('go on in a share while Redis has no memory left, and then they are told', async () => {
      const [one, two] = instances;
      await untilTheyKnowEachOther();
      expect(await one.tryTake(one.account([perMinute(101)]))).toBe('admitted');
      await redis.command('CONFIG', 'SET', 'maxmemory', '1');
      expect(await untilRefused(one, perMinute(101))).toBe(49);
      await redis.command('CONFIG', 'SET', 'maxmemory', '0');
      await sleep(600);
      await one.tryTake(one.account([{ ...perMinute(5), subjectId: 'key_b' }]));
      await vi.waitFor(async () => {
        const [window] = (await redis.command('KEYS', '*key_a*')) as string[];
        expect(await redis.command('HGET', window!, 'total')).toBe('50');
      }, PATIENCE);
      expect(await untilRefused(two, perMinute(101))).toBe(51);
    });

    it.each([
      ['is emptied', () => redis.command('FLUSHALL')],
      [
        'is started again without its data',
        async () => {
          await redis.kill();
          await redis.start();
        },
      ],
    ])('are never granted twice when Redis %s, and hold in the next window', async (_, lose) => {
      await untilTheyKnowEachOther();
      const first = await admittedOf(60, [perMinute(100)]);
      expect(first).toBe(60);
      // What is held ahead of need goes back; while Redis starts, each may go on in its share.
      await sleep(1_800);
      await lose();
      const accounts = instances.map((instance) => instance.account([perMinute(100)]));
      let after = 0;
      for (let round = 0; round < 5; round++) {
        const results = await Promise.all(
          Array.from({ length: 100 }, (_, call) =>
            instances[call % 2]!.tryTake(accounts[call % 2]!),
          ),
        );
        after += results.filter((result) => result === 'admitted').length;
        await sleep(100);
      }
      expect(first + after).toBeLessThanOrEqual(100);
      // What is not used of it comes back and is not granted anew either.
      await sleep(1_500);
      expect(await untilRefused(instances[0], perMinute(100))).toBe(0);
      clock.time += MINUTE_MS;
      expect(await admittedOf(200, [perMinute(100)])).toBe(100);
    });

    it('are never granted twice when Redis is started again with what it had some time ago', async () => {
      expect(await admittedOf(10, [perMinute(100)])).toBe(10);
      await redis.command('SAVE');
      expect(await admittedOf(90, [perMinute(100)])).toBe(90);
      const [one, two] = instances;
      await redis.kill();
      await redis.start();
      await vi.waitFor(async () => {
        expect(await one.tryTake(one.account([perMinute(100)]))).toBe('rate_limit_exceeded');
      }, PATIENCE);
      expect(await untilRefused(two, perMinute(100))).toBe(0);
    });

    it('of a second have no second burst when Redis is emptied', async () => {
      const limits = [allowance({ window: 'second', limit: 1, burst: 20 })];
      const startedAt = performance.now();
      let passed = await admittedOf(30, limits);
      await redis.command('FLUSHALL');
      for (let round = 0; round < 10; round++) {
        for (const instance of instances) {
          if ((await instance.tryTake(instance.account(limits))) === 'admitted') passed++;
        }
        await sleep(150);
      }
      const seconds = (performance.now() - startedAt) / 1_000;
      expect(passed).toBeLessThanOrEqual(20 + Math.ceil(seconds));
    });
  },
);

describe.skipIf(WITHOUT_OWN_REDIS !== null)('a gateway with Redis', () => {
  let server: OwnRedis;
  beforeEach(async () => {
    server = await startOwnRedis();
  });
  afterEach(() => server.stop());

  it('shows limits as all instances have them, and answers 503 while it can’t', async () => {
    const app = await startTestApp({ env: { REDIS_URL: server.url } });
    const made = await app.call('POST', '/v1/keys', {
      body: { name: 'limited', rate_limits: { requests: { per_minute: 9, per_second: 5 } } },
    });
    const path = `/v1/keys/${(made.body as { id: string }).id}/limits`;
    expect(await app.call('GET', path)).toMatchObject({ status: 200 });
    await server.kill();
    const refused = await app.call('GET', path);
    expect([refused.status, codeOf(refused)]).toEqual([503, 'service_unavailable']);
    await app.close();
  });

  it('says at its start what to do where Redis may evict keys', async () => {
    const lines: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) });
    const around = {
      transactions: { sql: () => Promise.resolve([{}]) } as unknown as TransactionRunner,
      clock: new SystemClock(),
      logger,
    };
    for (const policy of ['noeviction', 'allkeys-lru']) {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', policy);
      const url = new Secret(server.url);
      (await RedisAllowanceStore.connect(url, {} as AllowanceStore, around)).close();
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('set maxmemory-policy to noeviction');
  });
});
