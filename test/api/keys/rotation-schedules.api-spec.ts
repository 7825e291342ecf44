import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';

const MONTHLY = { schedule: '0 3 1 * *', time_zone: 'Europe/Berlin' };
/** Unless it just ran, the sweep comes within ten seconds. */
const SWEEP = { timeout: 25_000, interval: 200 };

let app: TestApp;
let database: pg.Pool;
beforeAll(async () => {
  app = await startTestApp({ env: { LATCHKEY_ALLOW_PRIVATE_TARGETS: 'false' } });
  database = new pg.Pool({ connectionString: app.databaseUrl });
});
afterAll(async () => {
  await database.end();
  await app.close();
});

type Key = { readonly id: string; readonly key: string };
type Errors = { readonly error: { readonly param?: string; readonly message: string } };

async function newKey(fields: Record<string, unknown> = {}): Promise<Key> {
  return (await app.call('POST', '/v1/keys', { body: { name: 'rotated', ...fields } })).body as Key;
}

function rotation(method: string, id: string, body?: unknown, key?: string): Promise<Answer> {
  return app.call(method, `/v1/keys/${id}/rotation`, {
    ...(body !== undefined && { body }),
    ...(key !== undefined && { key }),
  });
}

function refusal({ status, body }: Answer): [number, string | undefined] {
  return [status, (body as Errors).error.param];
}

/** As if its time had come. Resolves when a worker has rotated it. */
async function rotateNow({ id }: Key): Promise<void> {
  await database.query(`UPDATE key_rotations SET next_at = now() WHERE key_id = $1`, [id]);
  await vi.waitFor(async () => {
    const { body } = await rotation('GET', id);
    expect((body as { last_rotation_at: string | null }).last_rotation_at).not.toBeNull();
  }, SWEEP);
}

describe('POST /v1/keys/{id}/rotation', () => {
  it('200: a gradual schedule with a day of grace, unless it is said otherwise', async () => {
    const { id } = await newKey();
    const answer = await rotation('POST', id, { schedule: '0 0 1 * *' });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        id,
        enabled: true,
        schedule: '0 0 1 * *',
        time_zone: 'UTC',
        strategy: 'gradual',
        notification_channels: [],
        grace_period_hours: 24,
        auto_update_apps: false,
        next_rotation_at: expect.stringMatching(/-01T00:00:00.000Z$/) as string,
        last_rotation_at: null,
        set_by: expect.stringMatching(/^key_/) as string,
        blocked_by: null,
        state: 'idle',
        old_key_expires_at: null,
        secrets: [expect.objectContaining({ state: 'current' })],
        channels: [],
        warnings: [],
      },
    ]);
    const { channels, warnings, ...shown } = answer.body as Record<string, unknown>;
    expect([channels, warnings]).toEqual([[], []]);
    expect((await rotation('GET', id)).body).toEqual(shown);
  });

  it('200: the body of ParrotRouter’s guide, as it stands there', async () => {
    const { id } = await newKey();
    const body = {
      enabled: true,
      schedule: '0 0 1 * *',
      strategy: 'gradual',
      notification_channels: [
        'email:security@company.com',
        'webhook:https://api.company.com/key-rotation',
      ],
      grace_period_hours: 24,
      auto_update_apps: true,
    };
    const answer = await rotation('POST', id, body);
    expect(answer.body).toMatchObject({ ...body, warnings: [] });
    expect(answer.body).toMatchObject({
      channels: [
        {
          address: 'webhook:https://api.company.com/key-rotation',
          signing_secret: expect.stringMatching(/^whsec_/) as string,
        },
      ],
    });
  });

  it('the same again changes nothing, and shows no secret a second time', async () => {
    const { id } = await newKey();
    const body = { ...MONTHLY, notification_channels: ['webhook:https://hooks.example.com/x?a=1'] };
    await rotation('POST', id, body);
    // Not how it fails: the worker may meanwhile have tried to reach the address, which is nowhere.
    const channels = `SELECT to_jsonb(c) - '{failing_since,consecutive_failures}'::text[] AS channel
      FROM notification_channels c WHERE key_id = $1`;
    const stored = async (): Promise<unknown[]> => [
      (await database.query('SELECT * FROM key_rotations WHERE key_id = $1', [id])).rows,
      (await database.query(channels, [id])).rows,
    ];
    const before = await stored();
    expect((await rotation('POST', id, body)).body).toMatchObject({ channels: [] });
    expect(await stored()).toEqual(before);
  });

  it('shows a new webhook’s secret again to who lost the answer, and not beside it in the store', async () => {
    const { id } = await newKey();
    const body = { ...MONTHLY, notification_channels: ['webhook:https://hooks.example.com/y'] };
    const call = { body, headers: { 'idempotency-key': `rotation-${id}` } };
    const first = await app.call('POST', `/v1/keys/${id}/rotation`, call);
    const second = await app.call('POST', `/v1/keys/${id}/rotation`, call);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const { rows } = await database.query('SELECT answer FROM idempotency_records');
    expect(JSON.stringify(rows)).not.toContain('whsec_');
  });

  it('replaces the whole of it; what is left out is as in the beginning', async () => {
    const { id } = await newKey();
    await rotation('POST', id, {
      ...MONTHLY,
      notification_channels: ['email:a@example.com', 'email:b@example.com'],
      auto_update_apps: true,
    });
    const body = { schedule: '0 4 * * 1', notification_channels: ['email:b@example.com'] };
    const { body: answer } = await rotation('POST', id, { ...body, enabled: false });
    const rest = { auto_update_apps: false, time_zone: 'UTC', next_rotation_at: null };
    expect(answer).toMatchObject({ ...body, ...rest, enabled: false });
  });

  it('warns of what immediate does', async () => {
    const { id } = await newKey();
    const { body } = await rotation('POST', id, { ...MONTHLY, strategy: 'immediate' });
    expect(body).toMatchObject({
      grace_period_hours: 0,
      warnings: [expect.stringContaining('refused until then')],
    });
    const more = { grace_period_hours: 5, auto_update_apps: true };
    const again = await rotation('POST', id, { ...MONTHLY, strategy: 'immediate', ...more });
    expect(again.body).toMatchObject({ grace_period_hours: 0 });
    expect((again.body as { warnings: string[] }).warnings).toHaveLength(3);
  });

  const channel = (...notification_channels: string[]): unknown => ({
    ...MONTHLY,
    notification_channels,
  });
  it.each([
    [{}, 'schedule'],
    [{ schedule: 'monthly' }, 'schedule'],
    [{ schedule: '*/30 * * * *' }, 'schedule'],
    [{ schedule: 7 }, 'schedule'],
    [{ ...MONTHLY, time_zone: 'Berlin' }, 'time_zone'],
    [{ ...MONTHLY, strategy: 'slow' }, 'strategy'],
    [{ ...MONTHLY, grace_period_hours: -1 }, 'grace_period_hours'],
    [{ ...MONTHLY, grace_period_hours: 721 }, 'grace_period_hours'],
    [{ ...MONTHLY, grace_period_hours: 0 }, 'grace_period_hours'],
    [{ ...MONTHLY, enabled: 'yes' }, 'enabled'],
    [{ ...MONTHLY, auto_update_apps: 1 }, 'auto_update_apps'],
    [{ ...MONTHLY, unknown: 1 }, 'unknown'],
    [channel('sms:123'), 'notification_channels[0]'],
    [channel('email:a@example.com', 'email:nobody'), 'notification_channels[1]'],
    [channel('email:a@example.com\r\nbcc: b@example.com'), 'notification_channels[0]'],
    [channel('email:"a b"@example.com'), 'notification_channels[0]'],
    [channel('email:a..b@example.com'), 'notification_channels[0]'],
    [channel('webhook:http://api.example.com/x'), 'notification_channels[0]'],
    [channel('webhook:https://127.0.0.1/x'), 'notification_channels[0]'],
    [channel('webhook:https://[::1]/x'), 'notification_channels[0]'],
    [channel('webhook:https://0x7f.1/x'), 'notification_channels[0]'],
    [channel('webhook:https://localhost/x'), 'notification_channels[0]'],
    [channel('webhook:https://api.example.com:22/x'), 'notification_channels[0]'],
    [channel('webhook:https://user:password@api.example.com/x'), 'notification_channels[0]'],
    [channel('webhook:ftp://api.example.com/x'), 'notification_channels[0]'],
    [channel('webhook:'), 'notification_channels[0]'],
    [
      channel(...Array.from({ length: 11 }, (_, at) => `email:a${at}@example.com`)),
      'notification_channels',
    ],
    [channel('email:a@example.com', 'email:a@example.com'), 'notification_channels'],
  ])('400: %j', async (body, param) => {
    const { id } = await newKey();
    expect(refusal(await rotation('POST', id, body))).toEqual([400, param]);
    expect((await rotation('GET', id)).body).toMatchObject({ schedule: null, enabled: false });
  });

  it('takes half an hour of grace, and none together with immediate', async () => {
    const { id } = await newKey();
    const half = await rotation('POST', id, { ...MONTHLY, grace_period_hours: 0.5 });
    expect(half.body).toMatchObject({ grace_period_hours: 0.5 });
    const none = { ...MONTHLY, strategy: 'immediate', grace_period_hours: 0 };
    expect((await rotation('POST', id, none)).status).toBe(200);
  });

  it('403: a key that may do more than the caller, whose secret he could claim', async () => {
    const { id } = await newKey({ access_level: 'admin' });
    const caller = await app.keyWith({ scopes: ['keys:read', 'keys:write'] });
    for (const answer of [
      await rotation('POST', id, MONTHLY, caller),
      await rotation('DELETE', id, undefined, caller),
      await app.call('POST', `/v1/keys/${id}/claim`, { key: caller }),
    ]) {
      expect([answer.status, codeOf(answer)]).toEqual([403, 'escalation_denied']);
    }
    const reader = await app.keyWith({ scopes: ['keys:read'] });
    expect(codeOf(await rotation('POST', id, MONTHLY, reader))).toBe('insufficient_scope');
  });

  it('404: no such key; 409: one that is revoked', async () => {
    expect((await rotation('POST', newId('key'), MONTHLY)).status).toBe(404);
    expect((await rotation('GET', newId('key'))).status).toBe(404);
    const { id } = await newKey();
    await app.call('DELETE', `/v1/keys/${id}`);
    expect((await rotation('POST', id, MONTHLY)).status).toBe(409);
    expect((await app.call('POST', `/v1/keys/${id}/claim`)).status).toBe(409);
  });
});

describe('DELETE /v1/keys/{id}/rotation', () => {
  it('200: ends the schedule and its channels, once or twice', async () => {
    const { id } = await newKey();
    await rotation('POST', id, { ...MONTHLY, notification_channels: ['email:a@example.com'] });
    for (let times = 0; times < 2; times++) {
      const answer = await rotation('DELETE', id);
      expect([answer.status, answer.body]).toEqual([200, { id, deleted: true }]);
      expect((await rotation('GET', id)).body).toMatchObject({
        enabled: false,
        schedule: null,
        next_rotation_at: null,
        notification_channels: [],
      });
    }
  });
});

describe('claiming', () => {
  /** Rotated by a worker. */
  let own: Key;
  let others: Key;
  let immediate: Key;
  beforeAll(async () => {
    [own, others, immediate] = [await newKey(), await newKey(), await newKey()];
    await rotation('POST', own.id, { ...MONTHLY, auto_update_apps: true });
    await rotation('POST', others.id, MONTHLY);
    await rotation('POST', immediate.id, { ...MONTHLY, strategy: 'immediate' });
    await Promise.all([own, others, immediate].map(rotateNow));
  });

  const use = async (key: string): Promise<number> =>
    (await app.call('GET', '/v1/key', { key })).status;
  const shown = async ({ id }: Key): Promise<string> =>
    ((await app.call('GET', `/v1/keys/${id}`)).body as { last_four: string }).last_four;

  it('hands the new secret to who has the old one, which goes on, once', async () => {
    expect(await shown(own)).toBe(own.key.slice(-4));
    const answer = await app.call('POST', '/v1/key/claim', { key: own.key });
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        id: own.id,
        key: expect.stringMatching(/^pr-live-/) as string,
        old_key_expires_at: expect.any(String) as string,
        claimed_at: expect.any(String) as string,
      },
    ]);
    const { key } = answer.body as Key;
    expect([await use(own.key), await use(key)]).toEqual([200, 200]);
    expect(await shown(own)).toBe(key.slice(-4));
    for (const presented of [own.key, key]) {
      const again = await app.call('POST', '/v1/key/claim', { key: presented });
      expect([again.status, codeOf(again)]).toEqual([409, 'conflict']);
      expect((again.body as Errors).error.message).toContain('was claimed at');
    }
    const { rows } = await database.query(
      'SELECT count(*)::int AS n FROM api_key_secrets WHERE key_id = $1 AND sealed IS NOT NULL',
      [own.id],
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('403: where auto_update_apps is off, or there is no schedule', async () => {
    for (const { key } of [others, await newKey()]) {
      const answer = await app.call('POST', '/v1/key/claim', { key });
      expect([answer.status, codeOf(answer)]).toEqual([403, 'operation_not_allowed']);
      expect((answer.body as Errors).error.message).toContain('auto_update_apps');
    }
  });

  it('gives one of many at once the secret, and only him a second time', async () => {
    const claim = (name: string): Promise<Answer> =>
      app.call('POST', `/v1/keys/${others.id}/claim`, { headers: { 'idempotency-key': name } });
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(claim));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409]);
    const winner = answers.findIndex(({ status }) => status === 200);
    const name = 'abcd'.charAt(winner);
    const again = await claim(name);
    expect(again.body).toEqual(answers[winner]?.body);
    expect(await use((again.body as Key).key)).toBe(200);
    const { rows } = await database.query('SELECT answer FROM idempotency_records');
    expect(JSON.stringify(rows)).not.toContain((again.body as Key).key);
  });

  it('an immediate rotation ends the old secret at once; the new one is for a key with keys:write', async () => {
    const refused = await app.call('GET', '/v1/key', { key: immediate.key });
    expect([refused.status, codeOf(refused)]).toEqual([401, 'expired_api_key']);
    const claimed = await app.call('POST', `/v1/keys/${immediate.id}/claim`);
    expect(claimed.body).toMatchObject({ old_key_expires_at: null });
    expect(await use((claimed.body as Key).key)).toBe(200);
  });

  it('409 where nothing waits, with what to do', async () => {
    const { id } = await newKey();
    const answer = await app.call('POST', `/v1/keys/${id}/claim`);
    expect([answer.status, codeOf(answer)]).toEqual([409, 'conflict']);
    expect((answer.body as Errors).error.message).toContain(`/v1/keys/${id}/rotation`);
  });
});
