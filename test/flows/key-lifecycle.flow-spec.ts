import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type INestApplicationContext, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Scope, SCOPES } from '#common/auth/scopes.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrailModule } from '#modules/audit/index.js';
import { KeyLifecycleModule } from '#modules/keys/index.js';
import { NotificationsModule } from '#modules/notifications/index.js';
import { UsageModule } from '#modules/usage/index.js';
import { ConfigModule } from '#platform/config/config.module.js';
import { type Config, loadEnv } from '#platform/config/env.js';
import { CryptoModule } from '#platform/crypto/crypto.module.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { DatabaseModule } from '#platform/database/database.module.js';
import { EventBus } from '#platform/events/event-bus.js';
import { EventsModule } from '#platform/events/events.module.js';
import { Fanout } from '#platform/fanout/fanout.port.js';
import { FanoutModule } from '#platform/fanout/fanout.module.js';
import { createLogger } from '#platform/observability/logger.js';
import { ObservabilityModule } from '#platform/observability/observability.module.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';
import { QueueModule } from '#platform/queue/queue.module.js';

import { KEYS_CHANGED_TOPIC } from '../../src/modules/keys/keys.events.js';
import { FindUnusedKeysProcessor } from '../../src/modules/keys/lifecycle/find-unused-keys.processor.js';
import {
  FindUnusedKeysJob,
  SweepKeysJob,
} from '../../src/modules/keys/lifecycle/key-lifecycle.jobs.js';
import { SweepKeysProcessor } from '../../src/modules/keys/lifecycle/sweep-keys.processor.js';
import { ActingSpecModule } from '../support/acting.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startRedis, WITHOUT_REDIS } from '../support/redis.js';
import { SetClock } from './limits.harness.js';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-21T09:00:00Z');
/** `days` from NOW. */
const inDays = (days: number): Date => new Date(NOW + days * DAY);

type Told = { readonly type: string; readonly keyId: string; readonly data: object };

const rootKey = new RootKey(new Secret(randomBytes(32)));
const clock = new SetClock(NOW);
const never = new AbortController().signal;
let database: TestDatabase;
let client: pg.Client;
let undo: (() => Promise<void>)[];
beforeEach(async () => {
  clock.time = NOW;
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  undo = [];
});
afterEach(async () => {
  for (const step of undo.reverse()) await step();
  await client.end();
  await vi.waitFor(() => database.drop(), 5_000);
});

/** What a worker has, without the rest; one that works on no jobs unless said. */
async function start(changes: Partial<Config> = {}): Promise<INestApplicationContext> {
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-lifecycle-'));
  const config: Config = { ...loadEnv({}), role: 'api', dataDir, ...changes };

  @Module({
    imports: [
      ConfigModule.forRoot(config),
      ObservabilityModule.forRoot(createLogger('silent')),
      DatabaseModule.forRoot(new Secret(database.url)),
      CryptoModule.forRoot(rootKey),
      ActingSpecModule,
      AuditTrailModule,
      EventsModule,
      FanoutModule,
      QueueModule,
      UsageModule,
      NotificationsModule,
      KeyLifecycleModule,
    ],
  })
  class WorkerModule {}

  const built = await Test.createTestingModule({ imports: [WorkerModule] })
    .overrideProvider(Clock)
    .useValue(clock)
    .compile();
  await built.init();
  undo.push(async () => {
    await built.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  return built;
}

async function foundOrganization(settings: Record<string, unknown> = {}): Promise<string> {
  const id = newId('organization');
  const columns = { id, name: 'Ours', ...settings };
  const names = Object.keys(columns);
  await client.query(
    `INSERT INTO organizations (${names.join(', ')}) VALUES (${names.map((_, at) => `$${at + 1}`).join(', ')})`,
    Object.values(columns),
  );
  return id;
}

async function makeKey(
  organizationId: string,
  columns: Record<string, unknown> = {},
): Promise<string> {
  const id = newId('key');
  const scopes: Scope[] = ['inference', 'models:read'];
  const made = {
    id,
    organization_id: organizationId,
    name: 'Billing',
    environment: 'production',
    scopes,
    policy: '{}',
    policy_sources: '{}',
    metadata: '{}',
    created_at: inDays(-100),
    updated_at: inDays(-100),
    ...columns,
  };
  const names = Object.keys(made);
  await client.query(
    `INSERT INTO api_keys (${names.join(', ')}) VALUES (${names.map((_, at) => `$${at + 1}`).join(', ')})`,
    Object.values(made),
  );
  return id;
}

async function told(organizationId?: string): Promise<Told[]> {
  const { rows } = await client.query<Told>(
    `SELECT type, key_id AS "keyId", data FROM notifications
      WHERE $1::text IS NULL OR organization_id = $1 ORDER BY type, key_id, data->>'days'`,
    [organizationId ?? null],
  );
  return rows;
}

async function toldTypes(): Promise<string[]> {
  return (await told()).map(({ type }) => type);
}

const sweep = (app: INestApplicationContext): Promise<void> =>
  app.get(SweepKeysProcessor, { strict: false }).process(new SweepKeysJob(), never);
const findUnused = (app: INestApplicationContext): Promise<void> =>
  app.get(FindUnusedKeysProcessor, { strict: false }).process(new FindUnusedKeysJob(), never);

describe('a key of somebody’s own', () => {
  it('is revoked for good once its owner is no member, by the sweep and by the event', async () => {
    const app = await start();
    const organizationId = await foundOrganization();
    const [swept, heard] = [newId('user'), newId('user')];
    const gone = await makeKey(organizationId, { owner_id: swept });
    const nobodys = await makeKey(organizationId);
    await sweep(app);
    const revoked = async (): Promise<string[]> => {
      const { rows } = await client.query<{ id: string }>(
        'SELECT id FROM api_keys WHERE revoked_at IS NOT NULL ORDER BY created_at, id',
      );
      return rows.map(({ id }) => id);
    };
    expect(await revoked()).toEqual([gone]);
    expect(await revoked()).not.toContain(nobodys);
    const left = await makeKey(organizationId, { owner_id: heard });
    const changed = { organizationId, teamId: null, userId: heard, serviceAccountId: null };
    app.get(EventBus, { strict: false }).emit('organizations.standing-changed', changed);
    await vi.waitFor(async () => expect(await revoked()).toContain(left));
  });
});

describe('a key that expires', () => {
  it('is told of 30, 7 and 1 days before, and when it has', async () => {
    const app = await start();
    const key = await makeKey(await foundOrganization(), { expires_at: inDays(31) });
    const days: unknown[] = [];
    for (let at = 0; at <= 33; at += 0.25) {
      clock.time = NOW + at * DAY;
      await sweep(app);
    }
    for (const { type, keyId, data } of await told()) {
      expect(keyId).toBe(key);
      expect(data).toMatchObject({
        key_id: key,
        name: 'Billing',
        environment: 'production',
        by: null,
      });
      days.push([type, (data as { days?: number }).days]);
    }
    expect(days).toEqual([
      ['key.expired', undefined],
      ['key.expiring', 1],
      ['key.expiring', 30],
      ['key.expiring', 7],
    ]);
  });

  it('is told of when its organization says', async () => {
    const app = await start();
    await makeKey(await foundOrganization({ expiry_reminder_days: [] }), { expires_at: inDays(1) });
    const other = await foundOrganization({ expiry_reminder_days: [3] });
    const key = await makeKey(other, { expires_at: inDays(2.5) });
    await sweep(app);
    expect(await told()).toMatchObject([
      {
        keyId: key,
        type: 'key.expiring',
        data: { days: 3, expires_at: inDays(2.5).toISOString() },
      },
    ]);
  });

  it('is told of by the nearest reminder alone, if others are due as well', async () => {
    const app = await start();
    await makeKey(await foundOrganization(), { created_at: inDays(0), expires_at: inDays(2) });
    await sweep(app);
    clock.time = NOW + 1.5 * DAY;
    await sweep(app);
    expect((await told()).map(({ data }) => (data as { days: number }).days)).toEqual([1, 7]);
  });

  it('is told of once more when it is given another expiry', async () => {
    const app = await start();
    const key = await makeKey(await foundOrganization(), { expires_at: inDays(-1) });
    await sweep(app);
    await client.query('UPDATE api_keys SET expires_at = $1 WHERE id = $2', [inDays(20), key]);
    await sweep(app);
    clock.time = NOW + 20 * DAY;
    await sweep(app);
    expect(await toldTypes()).toEqual(['key.expired', 'key.expired']);
  });

  it('is not told of when it is revoked already', async () => {
    const app = await start();
    const ours = await foundOrganization();
    await makeKey(ours, { expires_at: inDays(1), revoked_at: inDays(-9), updated_at: inDays(-9) });
    await makeKey(ours, { expires_at: inDays(-1), revoked_at: inDays(-2), updated_at: inDays(-2) });
    await sweep(app);
    expect(await told()).toEqual([]);
  });
});

describe('a key', () => {
  it('that came back by itself is told of', async () => {
    const app = await start();
    const ours = await foundOrganization();
    const disabled = { disabled_at: inDays(-2), updated_at: inDays(-2) };
    const key = await makeKey(ours, { ...disabled, enable_at: inDays(-1) });
    await makeKey(ours, { ...disabled, enable_at: inDays(0.1) });
    await makeKey(ours, disabled);
    await sweep(app);
    await sweep(app);
    expect(await told()).toMatchObject([
      { type: 'key.enabled', keyId: key, data: { at: inDays(-1).toISOString(), by: null } },
    ]);
  });

  it('whose revocation has come is told of, and its budgets are gone', async () => {
    const app = await start();
    const ours = await foundOrganization();
    const planned = { revoked_at: inDays(-0.5), revoked_reason: 'Over', updated_at: inDays(-2) };
    const revoked = await makeKey(ours, planned);
    const waiting = await makeKey(ours, { ...planned, revoked_at: inDays(0.1) });
    const atOnce = await makeKey(ours, { revoked_at: inDays(-1), updated_at: inDays(-1) });
    for (const key of [revoked, waiting, atOnce]) {
      await client.query(
        `INSERT INTO budgets (id, organization_id, scope, scope_id, time_window, model, limit_nanos)
         VALUES ($1, $2, 'key', $3, 'daily', '*', 5)`,
        [newId('budget'), ours, key],
      );
    }
    await sweep(app);
    await sweep(app);
    expect(await told()).toMatchObject([
      { type: 'key.revoked', keyId: revoked, data: { reason: 'Over', by: null } },
    ]);
    const { rows } = await client.query<{ scope_id: string }>('SELECT scope_id FROM budgets');
    // That of a key that was revoked at once went with it.
    expect(rows.map(({ scope_id }) => scope_id).sort()).toEqual([waiting, atOnce].sort());
  });

  it('is told of however long no worker was there to tell of it, and once', async () => {
    const app = await start();
    await sweep(app);
    clock.time += 30 * DAY;
    const ours = await foundOrganization();
    const expired = await makeKey(ours, { expires_at: inDays(1) });
    const enabled = await makeKey(ours, {
      disabled_at: inDays(-1),
      updated_at: inDays(-1),
      enable_at: inDays(2),
    });
    const revoked = await makeKey(ours, { revoked_at: inDays(3), updated_at: inDays(-1) });
    const stopped = new AbortController();
    stopped.abort();
    // Which gives up before it has told of anything, and must not seem to have.
    await app
      .get(SweepKeysProcessor, { strict: false })
      .process(new SweepKeysJob(), stopped.signal);
    await sweep(app);
    await sweep(app);
    expect(await told()).toMatchObject([
      { type: 'key.enabled', keyId: enabled },
      { type: 'key.expired', keyId: expired },
      { type: 'key.revoked', keyId: revoked },
    ]);
  });

  it('is not told of when it is a week old', async () => {
    const app = await start();
    const ours = await foundOrganization();
    await makeKey(ours, { expires_at: inDays(-7) });
    await makeKey(ours, { disabled_at: inDays(-9), enable_at: inDays(-7) });
    await makeKey(ours, { revoked_at: inDays(-7), updated_at: inDays(-9) });
    await sweep(app);
    expect(await told()).toEqual([]);
  });
});

it('several sweeps at once, and one after another, tell of each thing once, in batches', async () => {
  const [one, other] = [await start(), await start()];
  const ours = await foundOrganization();
  const keys = await Promise.all(
    Array.from({ length: 250 }, (_, at) => makeKey(ours, { expires_at: inDays(-0.001 * at) })),
  );
  await Promise.all([sweep(one), sweep(other), sweep(one), sweep(other)]);
  await sweep(one);
  const found = await told();
  expect(found.map(({ keyId }) => keyId).sort()).toEqual([...keys].sort());
});

it('two sweeps that have found the same key tell of it once', async () => {
  const app = await start();
  await makeKey(await foundOrganization(), { expires_at: inDays(-1) });
  await sweep(app);
  // As if the other had read its mark before it was there.
  await client.query('DELETE FROM key_lifecycle');
  await sweep(app);
  expect(await toldTypes()).toEqual(['key.expired']);
});

it('each organization hears of its own keys alone', async () => {
  const app = await start();
  const [ours, theirs] = [
    await foundOrganization({ unused_key_days: 30 }),
    await foundOrganization({ unused_key_days: 30 }),
  ];
  const [our, their] = [
    await makeKey(ours, { expires_at: inDays(5) }),
    await makeKey(theirs, { expires_at: inDays(5) }),
  ];
  await sweep(app);
  await findUnused(app);
  for (const [organization, key] of [
    [ours, our],
    [theirs, their],
  ]) {
    expect((await told(organization)).map(({ type, keyId }) => [type, keyId])).toEqual([
      ['key.expiring', key],
      ['key.unused', key],
    ]);
  }
});

describe('a key that is not used', () => {
  async function use(organizationId: string, keyId: string, at: Date): Promise<void> {
    await client.query(
      `INSERT INTO key_usage_totals VALUES ($1, $2, 1, 1, 1, 1, $3)
       ON CONFLICT (organization_id, key_id) DO UPDATE SET last_used_at = excluded.last_used_at`,
      [organizationId, keyId, at],
    );
  }
  async function stateOf(keyId: string): Promise<object | undefined> {
    const { rows } = await client.query<object>(
      'SELECT disabled_at, disabled_reason, version FROM api_keys WHERE id = $1',
      [keyId],
    );
    return rows[0];
  }

  it('for as long as its organization says is told of, once until it is used again', async () => {
    const app = await start();
    const ours = await foundOrganization({ unused_key_days: 30 });
    const neverUsed = await makeKey(ours);
    const used = await makeKey(ours);
    await use(ours, used, inDays(-30));
    const inUse = await makeKey(ours);
    await use(ours, inUse, inDays(-29.9));
    await makeKey(ours, { created_at: inDays(-29) });
    await makeKey(await foundOrganization());
    await findUnused(app);
    await findUnused(app);
    const found = await told();
    expect(found.map(({ type, keyId }) => [type, keyId]).sort()).toEqual(
      [neverUsed, used].map((key) => ['key.unused', key]).sort(),
    );
    expect(found.find(({ keyId }) => keyId === used)?.data).toMatchObject({
      days: 30,
      last_used_at: inDays(-30).toISOString(),
    });
    expect(await stateOf(used)).toMatchObject({ disabled_at: null, version: 1 });

    await use(ours, used, inDays(1));
    clock.time = NOW + 31 * DAY;
    await findUnused(app);
    expect((await told()).filter(({ keyId }) => keyId === used)).toHaveLength(2);
  });

  it('is disabled where that is wanted, and the other instances hear of it', async () => {
    const [worker, serving] = [await start(), await start()];
    const heard: string[] = [];
    serving
      .get(Fanout, { strict: false })
      .subscribe(KEYS_CHANGED_TOPIC, (id) => void heard.push(id));
    const ours = await foundOrganization({ unused_key_days: 1 });
    const key = await makeKey(ours);
    await findUnused(worker);
    await client.query(`UPDATE organizations SET unused_key_action = 'disable'`);
    await findUnused(worker);
    expect(await stateOf(key)).toEqual({
      disabled_at: new Date(NOW),
      disabled_reason: 'Not used for 1 day.',
      version: 2,
    });
    expect(await told()).toMatchObject([
      { type: 'key.disabled', keyId: key, data: { reason: 'Not used for 1 day.', by: null } },
      { type: 'key.unused', keyId: key },
    ]);
    await vi.waitFor(() => expect(heard).toEqual([key]), 5_000);
    // Whoever enables it again does not do so for an hour only.
    await client.query('UPDATE api_keys SET disabled_at = NULL WHERE id = $1', [key]);
    await findUnused(worker);
    expect(await stateOf(key)).toMatchObject({ disabled_at: null });
  });

  it.each<[string, Record<string, unknown>, boolean]>([
    ['may call models alone', {}, true],
    ['is a master key', { access_level: 'master', scopes: SCOPES }, false],
    ['manages keys as well', { scopes: ['inference', 'keys:write'] }, false],
    ['reads usage as well', { scopes: ['inference', 'usage:read'] }, false],
  ])('and %s: it is disabled: %#', async (_what, columns, isDisabled) => {
    const app = await start();
    const settings = { unused_key_days: 30, unused_key_action: 'disable' };
    const key = await makeKey(await foundOrganization(settings), columns);
    await findUnused(app);
    expect((await told()).map(({ type }) => type)).toEqual(
      isDisabled ? ['key.disabled', 'key.unused'] : ['key.unused'],
    );
    expect(((await stateOf(key)) as { disabled_at: Date | null }).disabled_at !== null).toBe(
      isDisabled,
    );
  });

  it.each<[string, Record<string, unknown>]>([
    ['manages keys and calls no models', { access_level: 'management', scopes: ['keys:write'] }],
    ['is revoked', { revoked_at: inDays(-1), updated_at: inDays(-1) }],
    ['has expired', { expires_at: inDays(-1) }],
    ['is disabled', { disabled_at: inDays(-1) }],
  ])('and %s is not told of', async (_what, columns) => {
    const app = await start();
    const settings = { unused_key_days: 30, unused_key_action: 'disable' };
    const key = await makeKey(await foundOrganization(settings), columns);
    const before = await stateOf(key);
    await findUnused(app);
    expect([await told(), await stateOf(key)]).toEqual([[], before]);
  });
});

describe.each([
  { name: 'PostgreSQL', needsRedis: false, missing: null },
  { name: 'Redis', needsRedis: true, missing: WITHOUT_REDIS },
])('the jobs on $name', ({ needsRedis, missing }) => {
  it.skipIf(missing !== null)(
    'are done by a worker, which has nothing of keys besides',
    async () => {
      const redis = needsRedis ? await startRedis() : null;
      undo.push(async () => redis?.stop());
      const app = await start({ role: 'worker', redisUrl: redis && new Secret(redis.url) });
      await makeKey(await foundOrganization({ unused_key_days: 30 }), { expires_at: inDays(1) });
      const publisher = app.get(JobPublisher, { strict: false });
      await publisher.publish('key-lifecycle.sweep', new SweepKeysJob());
      await publisher.publish('key-lifecycle.find-unused', new FindUnusedKeysJob());
      await vi.waitFor(
        async () => expect(await toldTypes()).toEqual(['key.expiring', 'key.unused']),
        {
          timeout: 20_000,
          interval: 100,
        },
      );
    },
  );
});
