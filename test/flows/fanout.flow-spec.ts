import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { type FanoutMedium, LinkedFanout } from '#platform/fanout/linked.fanout.js';
import { PostgresMedium } from '#platform/fanout/postgres.fanout.js';
import { RedisMedium } from '#platform/fanout/redis.fanout.js';
import { createLogger } from '#platform/observability/logger.js';

import { createTestDatabase } from '../support/postgres.js';
import { startRedis, WITHOUT_REDIS } from '../support/redis.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const TOPIC = 'spec.changed';

type Backing = {
  readonly url: string;
  /** A medium that reaches the server by this URL. */
  medium(url: string): FanoutMedium;
  /** Ends the connections that messages arrive on, as an operator or a failing server would. */
  killListeners(): Promise<void>;
  stop(): Promise<void>;
};

async function postgresBacking(): Promise<Backing> {
  const database = await createTestDatabase();
  return {
    url: database.url,
    medium: (url) => new PostgresMedium(new Secret(url)),
    killListeners: async () => {
      const admin = new pg.Client({ connectionString: database.url });
      await admin.connect();
      const { rowCount } = await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'latchkey-fanout'`,
      );
      await admin.end();
      expect(rowCount).toBeGreaterThan(0);
    },
    stop: () => database.drop(),
  };
}

async function redisBacking(): Promise<Backing> {
  const server = await startRedis();
  if (!server) throw new Error('There is no Redis.');
  const namespace = `spec:${randomBytes(6).toString('hex')}`;
  return {
    url: server.url,
    medium: (url) => new RedisMedium(new Secret(url), namespace),
    killListeners: async () => {
      const admin = new Redis(server.url);
      const killed = await admin.client('KILL', 'TYPE', 'pubsub');
      admin.disconnect();
      expect(killed).toBeGreaterThan(0);
    },
    stop: () => server.stop(),
  };
}

const backings = [
  { name: 'PostgreSQL', start: postgresBacking, missing: null },
  { name: 'Redis', start: redisBacking, missing: WITHOUT_REDIS },
];

describe.each(backings)('fan-out over $name', ({ start, missing }) => {
  describe.skipIf(missing !== null)(missing === null ? 'conforms' : `skipped: ${missing}`, () => {
    let backing: Backing;
    let proxy: TcpProxy;
    const running: LinkedFanout[] = [];

    beforeAll(async () => {
      backing = await start();
      proxy = await startTcpProxy(backing.url);
    });
    afterEach(async () => {
      proxy.restore();
      await Promise.all(running.splice(0).map((fanout) => fanout.close()));
    });
    afterAll(async () => {
      await proxy.stop();
      await backing.stop();
    });

    async function instance(url = backing.url, logger = createLogger('silent')) {
      const fanout = new LinkedFanout(backing.medium(url), logger);
      const received: string[] = [];
      const gap = vi.fn();
      fanout.subscribe(TOPIC, (payload) => received.push(payload));
      await fanout.start();
      fanout.onGap(gap);
      running.push(fanout);
      return { fanout, received, gap };
    }

    it('delivers to every instance, the publisher included, and only of the topic', async () => {
      const [one, two] = [await instance(), await instance()];
      await one.fanout.publish('spec.other', 'nobody asked');
      await one.fanout.publish(TOPIC, 'key_“1”\n');
      await vi.waitFor(() => expect(two.received).toEqual(['key_“1”\n']));
      await vi.waitFor(() => expect(one.received).toEqual(['key_“1”\n']));
      expect(one.gap).not.toHaveBeenCalled();
    });

    it('calls every handler of a topic, also after one that throws', async () => {
      const { fanout, received } = await instance();
      fanout.subscribe(TOPIC, () => {
        throw new Error('a bug in a handler');
      });
      const last = vi.fn();
      fanout.subscribe(TOPIC, last);
      await fanout.publish(TOPIC, 'a');
      await vi.waitFor(() => expect(last).toHaveBeenCalledWith('a'));
      await fanout.publish(TOPIC, 'b');
      await vi.waitFor(() => expect(received).toEqual(['a', 'b']));
    });

    it('refuses what is too large to be ids, and takes the most that is allowed', async () => {
      const { fanout, received } = await instance();
      await expect(fanout.publish(TOPIC, 'é'.repeat(513))).rejects.toThrow(RangeError);
      await expect(fanout.publish('', 'x')).rejects.toThrow(RangeError);
      const largest = '\u0001'.repeat(1_024);
      await fanout.publish(TOPIC, largest);
      await vi.waitFor(() => expect(received).toEqual([largest]));
    });

    it('reports a gap after its connection was killed, and messages flow again within 3 s', async () => {
      const logger = createLogger('info', { write: (line) => void lines.push(line) });
      const lines: string[] = [];
      const { fanout, received, gap } = await instance(backing.url, logger);
      const killedAt = performance.now();
      await backing.killListeners();
      await vi.waitFor(() => expect(gap).toHaveBeenCalled(), { timeout: 3_000, interval: 10 });
      await fanout.publish(TOPIC, 'after');
      await vi.waitFor(() => expect(received).toEqual(['after']), { timeout: 3_000, interval: 10 });
      expect(performance.now() - killedAt).toBeLessThan(3_000);
      expect(lines.filter((line) => line.includes('is lost'))).toHaveLength(1);
      expect(lines.filter((line) => line.includes('is back'))).toHaveLength(1);
    });

    it('is confirmed again and again while it works, counted from before each proof', async () => {
      const { fanout } = await instance();
      const first = fanout.lastConfirmedAt;
      expect(first).toBeLessThanOrEqual(performance.now());
      await sleep(2_500);
      expect(fanout.lastConfirmedAt).toBeGreaterThan(first);
      expect(performance.now() - fanout.lastConfirmedAt).toBeLessThan(1_500);
    });

    it.each(['refuse', 'swallow'] as const)(
      'stays unconfirmed while the server can’t be reached (%s), fails to publish in time, and recovers',
      async (how) => {
        const { fanout, received, gap } = await instance(proxy.url);
        const witness = await instance();
        await fanout.publish(TOPIC, 'before');
        await vi.waitFor(() => expect(received).toEqual(['before']));
        proxy[how]();
        // What is under way when the wire is cut may still count.
        await sleep(200);
        const confirmedAt = fanout.lastConfirmedAt;
        const publishedAt = performance.now();
        await expect(fanout.publish(TOPIC, 'lost')).rejects.toThrow();
        expect(performance.now() - publishedAt).toBeLessThan(2_500);
        await sleep(2_500);
        expect(fanout.lastConfirmedAt).toBe(confirmedAt);
        expect(gap).not.toHaveBeenCalled();

        proxy.restore();
        const restoredAt = performance.now();
        await vi.waitFor(() => expect(gap).toHaveBeenCalled(), { timeout: 5_000, interval: 10 });
        await vi.waitFor(() => fanout.publish(TOPIC, 'after'), { timeout: 3_000, interval: 50 });
        await vi.waitFor(() => expect(received).toContain('after'), { timeout: 3_000 });
        expect(performance.now() - restoredAt).toBeLessThan(5_000);
        expect(fanout.lastConfirmedAt).toBeGreaterThan(restoredAt);
        // It never heard of “lost”, and is told to forget what it knows.
        await vi.waitFor(() => expect(witness.gap).toHaveBeenCalled(), { timeout: 3_000 });
      },
    );

    it('does not start without a server, and says so', async () => {
      proxy.refuse();
      const fanout = new LinkedFanout(backing.medium(proxy.url), createLogger('silent'));
      await expect(fanout.start()).rejects.toThrow('Can’t listen for messages');
      await fanout.close();
    });

    it('ends while it is reconnecting', async () => {
      const { fanout } = await instance(proxy.url);
      proxy.refuse();
      await sleep(500);
      const closedAt = performance.now();
      await fanout.close();
      expect(performance.now() - closedAt).toBeLessThan(2_500);
    });
  });
});

describe.skipIf(WITHOUT_REDIS !== null)('fan-out of installations that share one Redis', () => {
  it('stays with the installation', async () => {
    const server = await startRedis();
    if (!server) throw new Error('There is no Redis.');
    const open = async (namespace: string): Promise<[LinkedFanout, string[]]> => {
      const medium = new RedisMedium(new Secret(server.url), `spec:${namespace}`);
      const fanout = new LinkedFanout(medium, createLogger('silent'));
      const received: string[] = [];
      fanout.subscribe(TOPIC, (payload) => received.push(payload));
      await fanout.start();
      return [fanout, received];
    };
    const [one, ofOne] = await open('one');
    const [two, ofTwo] = await open('two');
    await one.publish(TOPIC, 'a');
    await two.publish(TOPIC, 'b');
    await vi.waitFor(() => expect([ofOne, ofTwo]).toEqual([['a'], ['b']]));
    await Promise.all([one.close(), two.close()]);
    await server.stop();
  });
});
