import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';

import { InvalidEnvironmentError, loadEnv } from '#platform/config/env.js';
import { WrongSecretKeyError } from '#platform/crypto/installation-canary.js';
import { createLogger } from '#platform/observability/logger.js';

import { generateKeySecret } from '../../src/modules/keys/domain/key-secret.js';
import { type RunningSystem, startSystem } from '../../src/system.js';
import { documentedPath, withRoutes } from '../contract/app-routes.js';
import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';
import { dumpDatabase } from '../support/database-dump.js';
import { createTestDatabase } from '../support/postgres.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const secretKey = (): string => randomBytes(32).toString('base64');
const silent = createLogger('silent');

async function caught(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}

describe('the environment', () => {
  const marked = `canary${randomBytes(8).toString('hex')}`;

  it.each([
    ['PORT', marked],
    ['PORT', `70000${marked}`],
    ['HOST', marked],
    ['DATABASE_URL', `mysql://${marked}:${marked}@host/db`],
    ['REDIS_URL', `http://:${marked}@host`],
    ['LATCHKEY_DATA_DIR', marked.repeat(200)],
    ['LATCHKEY_SECRET_KEY', marked],
    ['LATCHKEY_SECRET_KEY', `${secretKey()}${marked}`],
    ['LATCHKEY_BOOTSTRAP_KEY', marked],
    ['LATCHKEY_ROLE', marked],
    ['LATCHKEY_KEY_BRAND', marked],
    ['LATCHKEY_TRUSTED_PROXIES', marked],
    ['LATCHKEY_ALLOW_PRIVATE_TARGETS', marked],
    ['LATCHKEY_LOG_LEVEL', marked],
    ['OPENAI_API_KEY', marked.repeat(30)],
    ['ANTHROPIC_API_KEY', marked.repeat(30)],
    ['OPENROUTER_API_KEY', marked.repeat(30)],
    ['GROQ_API_KEY', marked.repeat(30)],
    ['MISTRAL_API_KEY', marked.repeat(30)],
    ['GEMINI_API_KEY', marked.repeat(30)],
  ])('is refused naming %s, without its value', (name, value) => {
    let message = '';
    try {
      loadEnv({ [name]: value });
    } catch (error) {
      expect(error).toBeInstanceOf(InvalidEnvironmentError);
      message = String((error as Error).stack) + JSON.stringify(error);
    }
    expect(message).toContain(name);
    expect(message).not.toContain(marked);
  });

  it('is refused naming everything that is wrong at once', () => {
    const env = { PORT: 'x', LATCHKEY_ROLE: 'x', DATABASE_URL: 'postgres://host/db' };
    expect(() => loadEnv(env)).toThrow(/PORT[^]*LATCHKEY_ROLE[^]*LATCHKEY_SECRET_KEY/);
  });

  it('needs nothing, and takes what is empty for absent', () => {
    const given = { PORT: '', DATABASE_URL: '', LATCHKEY_SECRET_KEY: '', UNKNOWN: 'x' };
    expect(loadEnv(given)).toEqual(loadEnv({}));
    expect(loadEnv({})).toMatchObject({
      role: 'all',
      http: { host: '127.0.0.1', port: 3000 },
      databaseUrl: null,
      secretKey: null,
      allowPrivateTargets: true,
    });
  });

  it('does not print its secrets, once it is read', () => {
    const config = loadEnv({
      DATABASE_URL: `postgres://u:${marked}@host/db`,
      LATCHKEY_SECRET_KEY: secretKey(),
      LATCHKEY_BOOTSTRAP_KEY: marked.repeat(2),
      OPENAI_API_KEY: marked,
    });
    expect(config.providerKeys.get('openai')?.reveal()).toBe(marked);
    const printed = `${JSON.stringify(config)} ${JSON.stringify([...config.providerKeys])}`;
    expect(printed).not.toContain(marked);
  });
});

describe('an installation', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp();
  });
  afterAll(() => app.close());

  it('does not start with another secret key, and nothing of it is changed', async () => {
    // What the start has written to the audit log would else be sealed in between.
    expect((await app.call('POST', '/v1/audit/checkpoints')).status).toBe(200);
    const before = await dumpDatabase(app.databaseUrl);
    const wrong = secretKey();
    const start = startTestApp({
      besides: app,
      env: { LATCHKEY_SECRET_KEY: wrong },
      logger: silent,
    });
    const error = await caught(start);
    expect(error).toBeInstanceOf(WrongSecretKeyError);
    expect(error.message).toContain('LATCHKEY_SECRET_KEY');
    expect(error.message).not.toContain(wrong);
    // The other instance goes on saying that it lives, how far its spool is, and until when its keys are swept.
    const kept = ({ schema, table }: { schema: string; table: string }): boolean =>
      schema === 'public' &&
      !/^(instances|key_sweeps)$/.test(table) &&
      !table.startsWith('usage_spool');
    const after = await dumpDatabase(app.databaseUrl);
    expect(after.filter(kept)).toEqual(before.filter(kept));
    expect((await app.call('GET', '/v1/key')).status).toBe(200);
  });

  it('has the master key that it was first started with, whatever is given later', async () => {
    const later = generateKeySecret('pr', 'production').reveal();
    const second = await startTestApp({ besides: app, env: { LATCHKEY_BOOTSTRAP_KEY: later } });
    try {
      expect((await second.call('GET', '/v1/key')).status).toBe(200);
      const refused = await second.call('GET', '/v1/key', { key: later });
      expect([refused.status, codeOf(refused)]).toEqual([401, 'invalid_api_key']);
    } finally {
      await second.close();
    }
  });

  it.each([
    [
      'of the wrong checksum',
      (key: string) => `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`,
    ],
    ['of another brand', (key: string) => `xx${key.slice(2)}`],
  ])('is not made with a bootstrap key %s', async (_, spoil) => {
    const key = spoil(generateKeySecret('pr', 'production').reveal());
    const database = await createTestDatabase();
    const env = { DATABASE_URL: database.url, LATCHKEY_BOOTSTRAP_KEY: key };
    try {
      const error = await caught(startTestApp({ env, logger: silent }));
      expect(error).toBeInstanceOf(InvalidEnvironmentError);
      expect(error.message).toContain('LATCHKEY_BOOTSTRAP_KEY');
      expect(error.message).not.toContain(key);
      const dump = await dumpDatabase(database.url);
      const rows = dump.filter(({ table }) => ['organizations', 'api_keys'].includes(table));
      expect(rows.flatMap((table) => table.rows)).toEqual([]);
    } finally {
      await database.drop();
    }
  });
});

describe('instances that start at once on an empty database', () => {
  const COUNT = 3;
  const name = `latchkey_first_${randomBytes(6).toString('hex')}`;
  const url = new URL(inject('postgresUrl'));
  const started: RunningSystem[] = [];
  const folders: string[] = [];

  beforeAll(async () => {
    await administer(`CREATE DATABASE ${name}`);
    url.pathname = `/${name}`;
  });
  afterAll(async () => {
    await Promise.all(started.map((system) => system.stop()));
    await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await Promise.all(folders.map((path) => rm(path, { recursive: true, force: true })));
  });

  async function administer(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: inject('postgresUrl') });
    await client.connect();
    await client.query(statement);
    await client.end();
  }

  async function start(LATCHKEY_SECRET_KEY: string): Promise<RunningSystem> {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-first-'));
    folders.push(folder);
    const env = { PORT: '0', DATABASE_URL: url.href, LATCHKEY_DATA_DIR: folder };
    const system = await startSystem(
      loadEnv({ ...env, LATCHKEY_SECRET_KEY }),
      createLogger('error'),
      () => undefined,
    );
    started.push(system);
    return system;
  }

  it('make one organization and one master key, which one of them shows, and never again', async () => {
    const shared = secretKey();
    const systems = await Promise.all(Array.from({ length: COUNT }, () => start(shared)));
    const shown = systems.flatMap(({ newMasterKey }) => (newMasterKey ? [newMasterKey] : []));
    expect(shown).toHaveLength(1);
    const dump = await dumpDatabase(url.href);
    const count = (table: string): number | undefined =>
      dump.find((one) => one.table === table)?.rows.length;
    expect(['organizations', 'api_keys', 'api_key_secrets', 'installation'].map(count)).toEqual([
      1, 1, 1, 1,
    ]);
    const headers = { authorization: `Bearer ${shown[0]?.reveal() ?? ''}` };
    for (const { origin } of systems) {
      const answer = await fetch(`${origin}/v1/key`, { headers });
      expect(await answer.json()).toMatchObject({ access_level: 'master', status: 'active' });
    }
    expect((await start(shared)).newMasterKey).toBeNull();
  });
});

describe('providers’ keys of the environment', () => {
  const openai = `sk-${randomBytes(16).toString('hex')}`;
  const namesOf = ({ body }: Answer): string[] =>
    (body as { data: { name: string }[] }).data.map(({ name }) => name).toSorted();

  it('open providers at the first start, and at no later one', async () => {
    const env = { OPENAI_API_KEY: openai, GROQ_API_KEY: `gsk_${randomBytes(16).toString('hex')}` };
    const app = await startTestApp({ env });
    let later: TestApp | null = null;
    try {
      const providers = await app.call('GET', '/v1/providers');
      expect(namesOf(providers)).toEqual(['groq', 'openai']);
      expect(JSON.stringify(providers.body)).not.toContain(openai);
      const { data } = providers.body as { data: { id: string; has_api_key: boolean }[] };
      expect(data.every(({ has_api_key: hasKey }) => hasKey)).toBe(true);
      const routes = await app.call('GET', '/v1/routes?limit=200');
      const { data: routed } = routes.body as { data: { provider_id: string; id: string }[] };
      for (const { id } of data) {
        const own = routed.filter((route) => route.provider_id === id);
        expect(own.length).toBeGreaterThan(0);
      }
      const models = await app.call('GET', '/v1/models');
      expect((models.body as { data: unknown[] }).data.length).toBeGreaterThan(routed.length / 2);

      const gone = data[0]!.id;
      for (const route of routed.filter(({ provider_id: owner }) => owner === gone)) {
        expect((await app.call('DELETE', `/v1/routes/${route.id}`)).status).toBe(200);
      }
      expect((await app.call('DELETE', `/v1/providers/${gone}`)).status).toBe(200);
      const mistral = randomBytes(16).toString('hex');
      later = await startTestApp({ besides: app, env: { ...env, MISTRAL_API_KEY: mistral } });
      expect(namesOf(await later.call('GET', '/v1/providers'))).toHaveLength(1);
    } finally {
      await later?.close();
      await app.close();
    }
  });
});

describe('a worker', () => {
  it('serves health and metrics, and nothing else', async () => {
    const all = await startTestApp();
    const { app: worker, routes } = await withRoutes(() =>
      startTestApp({ besides: all, env: { LATCHKEY_ROLE: 'worker' } }),
    );
    try {
      const served = routes.filter(({ method }) => method !== 'HEAD');
      expect(served.map(({ method, url }) => `${method} ${documentedPath(url)}`)).toEqual([
        'GET /health/live',
        'GET /health/ready',
        'GET /metrics',
      ]);
      for (const path of ['/health/live', '/health/ready', '/metrics']) {
        expect((await worker.call('GET', path, { key: null })).status, path).toBe(200);
      }
      for (const path of ['/v1/keys', '/v1/key', '/v1/models', '/docs', '/openapi.json', '/']) {
        const answer = await worker.call('GET', path);
        expect([path, answer.status, codeOf(answer)]).toEqual([path, 404, 'not_found']);
      }
      const chat = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'x' }] };
      const answer = await worker.call('POST', '/v1/chat/completions', { body: chat });
      expect(answer.status).toBe(404);
    } finally {
      await worker.close();
      await all.close();
    }
  });
});

describe('without PostgreSQL', () => {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  });

  it.each(['refuse', 'swallow'] as const)(
    'an instance (%s) is alive but not ready, and answers 503 within 5 s, until it is back',
    async (how) => {
      const database = await createTestDatabase();
      undo.push(() => database.drop());
      const proxy = await startTcpProxy(database.url);
      undo.push(() => proxy.stop());
      const app = await startTestApp({ env: { DATABASE_URL: proxy.url }, logger: silent });
      undo.push(() => app.close());
      const ready = (): Promise<Answer> => app.call('GET', '/health/ready', { key: null });
      expect((await ready()).status).toBe(200);
      const unseen = await app.keyWith();

      proxy[how]();
      const began = performance.now();
      const [readiness, liveness, management, inference] = await Promise.all([
        ready(),
        app.call('GET', '/health/live', { key: null }),
        app.call('GET', '/v1/keys'),
        app.call('POST', '/v1/chat/completions', {
          key: unseen,
          body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'x' }] },
        }),
      ]);
      expect(performance.now() - began).toBeLessThan(5_000);
      expect(readiness.status).toBe(503);
      const { error } = readiness.body as {
        error: { code: string; details: { failed: string[] } };
      };
      expect(error.code).toBe('service_unavailable');
      expect(error.details.failed).toContain('postgresql');
      expect(liveness.status).toBe(200);
      for (const answer of [management, inference]) {
        expect([answer.status, codeOf(answer)]).toEqual([503, 'service_unavailable']);
      }

      proxy.restore();
      await expect.poll(async () => (await ready()).status, { timeout: 10_000 }).toBe(200);
      expect((await app.call('GET', '/v1/keys')).status).toBe(200);
    },
  );
});
