import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';
import {
  PostgresThrottleStore,
  purgeThrottleCounters,
} from '#platform/http/throttle/postgres.throttle-store.js';
import { RedisThrottleStore } from '#platform/http/throttle/redis.throttle-store.js';
import type { ThrottleStore } from '#platform/http/throttle/throttle-store.port.js';

import { createTestDatabase } from '../support/postgres.js';
import { startRedis, WITHOUT_REDIS } from '../support/redis.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const MINUTE_MS = 60_000;

type Backing = {
  readonly url: string;
  /** A store that reaches the server by this URL. */
  store(url: string): Promise<ThrottleStore>;
  /** What stands in the server. */
  counters(): Promise<string[]>;
  /** Frees the space of counters that are over, as the server itself or a job does. */
  purge(): Promise<void>;
  stop(): Promise<void>;
};

async function postgresBacking(): Promise<Backing> {
  const database = await createTestDatabase();
  const admin = new pg.Pool({ connectionString: database.url, max: 1 });
  const transactions = {
    sql: async (query: string, parameters: unknown[]) =>
      (await admin.query<Record<string, unknown>>(query, parameters)).rows,
  };
  return {
    url: database.url,
    store: (url) => Promise.resolve(new PostgresThrottleStore(new Secret(url))),
    counters: async () => {
      const { rows } = await admin.query<{ counter: string }>('SELECT * FROM throttle_counters');
      return rows.map(({ counter }) => counter);
    },
    purge: async () => {
      while ((await purgeThrottleCounters(transactions as TransactionRunner, 2)) > 0);
    },
    stop: async () => {
      await admin.end();
      await database.drop();
    },
  };
}

async function redisBacking(): Promise<Backing> {
  const server = await startRedis();
  if (!server) throw new Error('There is no Redis.');
  const namespace = `spec:${randomBytes(6).toString('hex')}`;
  const admin = new Redis(server.url);
  return {
    url: server.url,
    store: (url) => RedisThrottleStore.connect(new Secret(url), namespace),
    counters: async () => {
      const keys = await admin.keys(`${namespace}:*`);
      return keys.map((key) => key.slice(`${namespace}:throttle:`.length));
    },
    purge: () => Promise.resolve(),
    stop: async () => {
      admin.disconnect();
      await server.stop();
    },
  };
}

const backings = [
  { name: 'PostgreSQL', start: postgresBacking, missing: null },
  { name: 'Redis', start: redisBacking, missing: WITHOUT_REDIS },
];

describe.each(backings)('a throttle store on $name', ({ start, missing }) => {
  describe.skipIf(missing !== null)(missing === null ? 'conforms' : `skipped: ${missing}`, () => {
    let backing: Backing;
    let proxy: TcpProxy;
    const open: ThrottleStore[] = [];

    beforeAll(async () => {
      backing = await start();
      proxy = await startTcpProxy(backing.url);
    });
    afterEach(async () => {
      proxy.restore();
      await Promise.all(open.splice(0).map((store) => store.close()));
    });
    afterAll(async () => {
      await proxy.stop();
      await backing.stop();
    });

    async function newStore(url = backing.url): Promise<ThrottleStore> {
      const store = await backing.store(url);
      open.push(store);
      return store;
    }

    /** The totals after `hits` more on each counter. */
    async function add(
      store: ThrottleStore,
      counters: readonly string[],
      hits = 1,
      windowMs = MINUTE_MS,
    ): Promise<number[]> {
      const counted = await store.add(counters.map((counter) => ({ counter, hits, windowMs })));
      return counted.map(({ total }) => total);
    }

    it('adds up what several add to a counter, and answers in the order of the question', async () => {
      const [one, two] = [await newStore(), await newStore()];
      expect(await add(one, ['z', 'a:“1”', '2001:db8:1:2'], 3)).toEqual([3, 3, 3]);
      expect(await add(two, ['a:“1”', 'new', 'z'], 40)).toEqual([43, 40, 43]);
      expect(await add(one, ['2001:db8:1:2'])).toEqual([4]);
    });

    it('loses no hit and gives no number twice when many add to the same ones at once', async () => {
      const stores = [await newStore(), await newStore(), await newStore()];
      const counters = Array.from({ length: 50 }, (_, at) => `contended ${at}`);
      const questions = Array.from({ length: 90 }, (_, at) =>
        add(
          stores[at % stores.length] as ThrottleStore,
          at % 2 ? counters : [...counters].reverse(),
        ),
      );
      const firsts = (await Promise.all(questions)).map((totals, at) =>
        at % 2 ? totals[0] : totals.at(-1),
      );
      expect(firsts.sort((x = 0, y = 0) => x - y)).toEqual(
        Array.from({ length: 90 }, (_, at) => at + 1),
      );
    });

    it('begins a window with the first hit, and does not move its end', async () => {
      const store = await newStore();
      const [first] = await store.add([{ counter: 'window', hits: 1, windowMs: MINUTE_MS }]);
      expect(first?.endsInMs).toBeGreaterThan(MINUTE_MS - 5_000);
      expect(first?.endsInMs).toBeLessThanOrEqual(MINUTE_MS);
      const [later] = await store.add([{ counter: 'window', hits: 1, windowMs: 2 * MINUTE_MS }]);
      expect(later?.total).toBe(2);
      expect(later?.endsInMs).toBeLessThanOrEqual(first?.endsInMs ?? 0);
    });

    it('counts from nothing once the window is over', async () => {
      const store = await newStore();
      expect(await add(store, ['short'], 7, 50)).toEqual([7]);
      await vi.waitFor(async () => expect(await add(store, ['short'], 1, 50)).toEqual([1]), {
        timeout: 5_000,
        interval: 100,
      });
    });

    it('takes hits back, but none that are of a window before', async () => {
      const store = await newStore();
      expect(await add(store, ['back'], 5)).toEqual([5]);
      expect(await add(store, ['back'], -2)).toEqual([3]);
      expect(await add(store, ['back'], -4)).toEqual([0]);
      expect(await add(store, ['back', 'never hit'], 1)).toEqual([1, 1]);
      expect(await add(store, ['long over'], -3)).toEqual([0]);
      expect(await add(store, ['long over'])).toEqual([1]);
      await add(store, ['soon over'], 7, 50);
      await vi.waitFor(async () => expect(await add(store, ['soon over'], -1, 50)).toEqual([0]), {
        timeout: 5_000,
        interval: 100,
      });
    });

    it('ends the window of what was taken back, as of any other', async () => {
      const store = await newStore();
      await add(store, ['taken back'], 3);
      const [counted] = await store.add([{ counter: 'taken back', hits: -3, windowMs: MINUTE_MS }]);
      expect(counted?.total).toBe(0);
      expect(counted?.endsInMs).toBeGreaterThan(0);
      expect(counted?.endsInMs).toBeLessThanOrEqual(MINUTE_MS);
    });

    it('keeps no counter whose window is over, and each that still counts', async () => {
      const store = await newStore();
      await add(store, ['over 1', 'over 2', 'over 3'], 1, 1);
      await add(store, ['current']);
      await vi.waitFor(
        async () => {
          await backing.purge();
          const left = await backing.counters();
          expect(left.filter((name) => name.startsWith('over'))).toEqual([]);
          expect(left).toContain('current');
        },
        { timeout: 5_000, interval: 20 },
      );
    });

    it.each(['refuse', 'swallow'] as const)(
      'fails while the server can’t be reached (%s), and counts on when it can',
      async (how) => {
        const store = await newStore(proxy.url);
        expect(await add(store, [how])).toEqual([1]);
        proxy[how]();
        await expect(add(store, [how])).rejects.toThrow();
        proxy.restore();
        await vi.waitFor(async () => expect((await add(store, [how]))[0]).toBeGreaterThan(1), {
          timeout: 5_000,
          interval: 50,
        });
      },
    );
  });
});

describe.skipIf(WITHOUT_REDIS !== null)(
  WITHOUT_REDIS === null ? 'Redis' : `Redis (skipped: ${WITHOUT_REDIS})`,
  () => {
    it('keeps installations apart that share it, and is not waited for where it is not', async () => {
      const server = await startRedis();
      if (!server) throw new Error('There is no Redis.');
      const url = new Secret(server.url);
      const stores = [
        await RedisThrottleStore.connect(url, `spec:${randomBytes(6).toString('hex')}`),
        await RedisThrottleStore.connect(url, `spec:${randomBytes(6).toString('hex')}`),
      ];
      for (const store of stores) {
        const [counted] = await store.add([{ counter: 'a', hits: 1, windowMs: MINUTE_MS }]);
        expect(counted?.total).toBe(1);
        await store.close();
      }
      await server.stop();
      await expect(
        RedisThrottleStore.connect(new Secret('redis://127.0.0.1:1'), 'spec'),
      ).rejects.toThrow('Redis can’t be reached');
    });
  },
);
