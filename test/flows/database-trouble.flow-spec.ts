import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

const BODY = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello' }] };
/** What a caller waits at most, and a little more for a busy machine. */
const PATIENCE_MS = 5_500;

/** Has its own, unhindered connections to the same database. */
let helper: TestApp;
let proxy: TcpProxy;
let app: TestApp;
type Keys = Record<'unlimited' | 'daily' | 'minutely' | 'unknown', string>;
let keys: Keys;

beforeAll(async () => {
  helper = await startTestApp();
});
afterAll(() => helper.close());
beforeEach(async () => {
  proxy = await startTcpProxy(helper.databaseUrl);
  app = await startTestApp({ besides: helper, env: { DATABASE_URL: proxy.url } });
  const limited = (requests: object) => helper.keyWith({ rate_limits: { requests } });
  keys = {
    unlimited: await helper.keyWith(),
    daily: await limited({ per_day: 1_000 }),
    minutely: await limited({ per_minute: 1_000 }),
    unknown: await helper.keyWith(),
  };
  for (const name of ['unlimited', 'daily', 'minutely'] as const) {
    expect(await statusOf(name)).toBe(200);
  }
});
afterEach(async () => {
  proxy.restore();
  await app.close();
  await proxy.stop();
});

/** Of a call with one of the keys; it is answered in time in any case. */
async function statusOf(name: keyof Keys): Promise<number> {
  const startedAt = performance.now();
  const answer = await app.call('POST', '/v1/chat/completions', { key: keys[name], body: BODY });
  expect(performance.now() - startedAt).toBeLessThan(PATIENCE_MS);
  return answer.status;
}

async function expectAllServed(): Promise<void> {
  await vi.waitFor(
    async () => {
      for (const name of Object.keys(keys) as (keyof Keys)[])
        expect(await statusOf(name)).toBe(200);
    },
    { timeout: 25_000, interval: 200 },
  );
}

/** What is known is served, a rate goes on in a share, and what must be asked for is refused. */
async function expectHeldUp(): Promise<void> {
  const [unlimited, daily, minutely] = await Promise.all(
    (['unlimited', 'daily', 'minutely'] as const).map(statusOf),
  );
  expect({ unlimited, daily, minutely }).toEqual({ unlimited: 200, daily: 503, minutely: 200 });
}

describe('PostgreSQL', () => {
  it('that answers after 3 s is not waited for by limits, and what is known is served', async () => {
    proxy.slow(3_000);
    await expectHeldUp();
    proxy.restore();
    await expectAllServed();
  }, 60_000);

  it('without a connection to spare refuses what must be asked for, in time', async () => {
    const client = new pg.Client({ connectionString: helper.databaseUrl });
    await client.connect();
    const name = new URL(helper.databaseUrl).pathname.slice(1);
    try {
      await client.query(`ALTER DATABASE ${name} CONNECTION LIMIT 0`);
      proxy.restore();
      await expectHeldUp();
      expect(await statusOf('unknown')).toBe(503);
      await client.query(`ALTER DATABASE ${name} CONNECTION LIMIT -1`);
      await expectAllServed();
    } finally {
      await client.query(`ALTER DATABASE ${name} CONNECTION LIMIT -1`);
      await client.end();
    }
  }, 60_000);

  it('whose connections are all at work is not waited for by limits', async () => {
    const client = new pg.Client({ connectionString: helper.databaseUrl });
    await client.connect();
    try {
      // The calls below must not wait for one look at their own key.
      expect((await app.call('GET', '/v1/keys')).status).toBe(200);
      await client.query('BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE');
      const management = Array.from({ length: 20 }, () => app.call('GET', '/v1/keys'));
      await vi.waitFor(async () => {
        const { rowCount } = await client.query(
          `SELECT FROM pg_locks WHERE NOT granted AND relation = 'api_keys'::regclass`,
        );
        expect(rowCount).toBeGreaterThanOrEqual(10);
      });
      await expectHeldUp();
      await client.query('COMMIT');
      await Promise.all(management);
      await expectAllServed();
    } finally {
      await client.end();
    }
  }, 60_000);
});
