import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';

type Made = { readonly id: string; readonly key: string };
type Rotated = Made & { readonly old_key_expires_at: string };
type Secrets = {
  readonly state: string;
  readonly old_key_expires_at: string | null;
  readonly secrets: readonly { readonly id: string; readonly state: string }[];
};

const HOUR_MS = 3_600_000;

let app: TestApp;
let database: pg.Client;
beforeAll(async () => {
  app = await startTestApp();
  database = new pg.Client({ connectionString: app.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await app.close();
});

async function make(fields: Record<string, unknown> = {}): Promise<Made> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'mine', ...fields } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Made;
}

function rotate(id: string, body: unknown = {}, call: object = {}): Promise<Answer> {
  return app.call('POST', `/v1/keys/${id}/rotate`, { body, ...call });
}

async function rotated(id: string, body: unknown = {}): Promise<Rotated> {
  const answer = await rotate(id, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Rotated;
}

async function probe(key: string): Promise<string> {
  const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };
  const answer = await app.call('POST', '/v1/chat/completions', { key, body });
  return codeOf(answer) ?? String(answer.status);
}

function hoursUntil(time: string): number {
  return (Date.parse(time) - Date.now()) / HOUR_MS;
}

async function notificationsOf(id: string): Promise<Record<string, unknown>[]> {
  const { rows } = await database.query<{ data: Record<string, unknown> }>(
    `SELECT data FROM notifications WHERE type = 'key.rotated' AND key_id = $1 ORDER BY occurred_at`,
    [id],
  );
  return rows.map(({ data }) => data);
}

function refusalOf(answer: Answer): unknown[] {
  const { error } = answer.body as { error?: { code: string; param: string | null } };
  return [answer.status, error?.code, error?.param];
}

describe('POST /v1/keys/{id}/rotate', () => {
  it('200: another secret, and the old one is good for a day', async () => {
    const { id, key } = await make({
      metadata: { team: 'a' },
      rate_limits: { requests: { per_day: 3 } },
    });
    expect(await probe(key)).toBe('200');
    const before = await app.call('GET', `/v1/keys/${id}`);
    const next = await rotated(id);
    expect(next.id).toBe(id);
    expect(next.key).toMatch(/^pr-live-[0-9A-Za-z]{32}$/);
    expect(next.key).not.toBe(key);
    expect(hoursUntil(next.old_key_expires_at)).toBeCloseTo(24, 1);
    expect([await probe(key), await probe(next.key)]).toEqual(['200', '200']);
    // No fresh window: both secrets use up one limit.
    expect([await probe(key), await probe(next.key)]).toEqual(Array(2).fill('rate_limit_exceeded'));
    const after = await app.call('GET', `/v1/keys/${id}`);
    const { last_used_at: lastUsedAt } = after.body as { last_used_at: unknown };
    expect(after.body).toEqual({
      ...(before.body as object),
      last_four: next.key.slice(-4),
      last_used_at: lastUsedAt,
      version: 2,
    });
    const self = await app.call('GET', '/v1/key', { key: next.key });
    expect(self.body).toMatchObject({ id, usage: { requests: 3 } });
  });

  it('200: the newest secret is the one that the other APIs show', async () => {
    const { id } = await make({ name: 'shown elsewhere' });
    const { key } = await rotated(id);
    const listed = await app.call('GET', '/v1/api-keys?limit=200');
    expect(JSON.stringify(listed.body)).toContain(key.slice(-4));
    expect((await app.call('GET', '/manage/api-keys')).body).toMatchObject({
      api_keys: expect.arrayContaining([
        expect.objectContaining({ name: 'shown elsewhere' }),
      ]) as unknown,
    });
  });

  it('200: what a key signs with stays', async () => {
    const security = { authentication: { require_signature: true } };
    const { id } = await make({ security });
    const sealed = async (): Promise<unknown> =>
      (await database.query('SELECT sealed_signing_secret AS it FROM api_keys WHERE id = $1', [id]))
        .rows[0];
    const before = await sealed();
    await rotated(id);
    expect(await sealed()).toEqual(before);
  });

  it.each([
    [{ grace_period_hours: 0.5 }, 0.5],
    [{ grace_period_hours: 720 }, 720],
    [{ grace_period_hours: 2, invalidate_old: false }, 2],
    [{ invalidate_old: false }, 24],
    [{ invalidate_old: null, grace_period_hours: null }, 24],
  ])('200: %j', async (body, hours) => {
    const { id, key } = await make();
    expect(hoursUntil((await rotated(id, body)).old_key_expires_at)).toBeCloseTo(hours, 1);
    expect(await probe(key)).toBe('200');
  });

  it.each([
    { grace_period_hours: 0 },
    { invalidate_old: true },
    { invalidate_old: true, grace_period_hours: 0 },
  ])('200: %j ends the old secrets at once', async (body) => {
    const { id, key } = await make();
    const second = await rotated(id);
    expect([await probe(key), await probe(second.key)]).toEqual(['200', '200']);
    const third = await rotated(id, body);
    expect(await probe(key)).toBe('expired_api_key');
    expect(await probe(second.key)).toBe('expired_api_key');
    expect(await probe(third.key)).toBe('200');
    expect(hoursUntil(third.old_key_expires_at)).toBeLessThanOrEqual(0);
  });

  it('200: the old secret ends with its key, where that is earlier', async () => {
    const expires_at = new Date(Date.now() + HOUR_MS).toISOString();
    const { id } = await make({ expires_at });
    expect((await rotated(id)).old_key_expires_at).toBe(expires_at);
    const other = await make();
    const later = { revoke_immediately: false, revoke_after: '30m' };
    await app.call('DELETE', `/v1/keys/${other.id}`, { body: later });
    expect(hoursUntil((await rotated(other.id)).old_key_expires_at)).toBeCloseTo(0.5, 1);
  });

  it('200: an earlier end of an older secret is not put off', async () => {
    const { id, key } = await make();
    const first = await rotated(id, { grace_period_hours: 1 });
    await rotated(id, { grace_period_hours: 48 });
    const { rows } = await database.query<{ expires_at: Date }>(
      'SELECT expires_at FROM api_key_secrets WHERE key_id = $1 AND last_four = $2',
      [id, key.slice(-4)],
    );
    expect(rows[0]?.expires_at.toISOString()).toBe(first.old_key_expires_at);
  });

  it.each([
    [{ grace_period_hours: -1 }, 'grace_period_hours'],
    [{ grace_period_hours: 720.1 }, 'grace_period_hours'],
    [{ grace_period_hours: '24' }, 'grace_period_hours'],
    [{ grace_period_hours: 1, invalidate_old: true }, 'grace_period_hours'],
    [{ grace_period_hours: 0, invalidate_old: false }, 'grace_period_hours'],
    [{ invalidate_old: 'yes' }, 'invalidate_old'],
    [{ nonsense: 1 }, 'nonsense'],
  ])('400: %j', async (body, param) => {
    const { id, key } = await make();
    expect(refusalOf(await rotate(id, body))).toEqual([400, 'invalid_request', param]);
    expect(await probe(key)).toBe('200');
  });

  it('409: of a key that is over, with what to do', async () => {
    const revoked = await make();
    await app.call('DELETE', `/v1/keys/${revoked.id}`);
    const answer = await rotate(revoked.id);
    expect(refusalOf(answer)).toEqual([409, 'conflict', null]);
    expect(JSON.stringify(answer.body)).toContain('make another');
    const expired = await make();
    await database.query(`UPDATE api_keys SET expires_at = now() WHERE id = $1`, [expired.id]);
    const other = await rotate(expired.id);
    expect(refusalOf(other)).toEqual([409, 'conflict', null]);
    expect(JSON.stringify(other.body)).toContain('later expires_at');
  });

  it('409: a fourth good secret, unless the others end at once', async () => {
    const { id } = await make();
    await rotated(id);
    await rotated(id);
    const refused = await rotate(id);
    expect(refusalOf(refused)).toEqual([409, 'conflict', null]);
    const { key } = await rotated(id, { invalidate_old: true });
    expect(await probe(key)).toBe('200');
    await rotated(id);
  });

  it('403: the key may do more than who rotates it, for else its secret could be had', async () => {
    const admin = await make({ access_level: 'admin' });
    const manager = await app.keyWith({ scopes: ['keys:write'] });
    const limited = await app.keyWith({
      access_level: 'admin',
      permissions: { models: ['sandbox/*'] },
    });
    for (const key of [manager, limited]) {
      const answer = await rotate(admin.id, {}, { key });
      expect([answer.status, codeOf(answer)]).toEqual([403, 'escalation_denied']);
    }
    expect(await probe(admin.key)).toBe('200');
    const plain = await make();
    expect((await rotate(plain.id, {}, { key: manager })).status).toBe(200);
    const master = (await app.call('GET', '/v1/key')).body as Made;
    const answer = await rotate(master.id, {}, { key: admin.key });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'escalation_denied']);
  });

  it('a key rotates itself; with its old secret it can do that no more', async () => {
    const { id, key } = await make({ access_level: 'admin' });
    expect((await rotate(id, {}, { key })).status).toBe(200);
    expect(codeOf(await rotate(id, {}, { key }))).toBe('escalation_denied');
  });

  it('of a lost answer the next try gets the same secret', async () => {
    const { id } = await make();
    const call = { headers: { 'idempotency-key': `rotate-${id}` } };
    const [one, other] = [await rotate(id, {}, call), await rotate(id, {}, call)];
    expect(one.status).toBe(200);
    expect(other.body).toEqual(one.body);
    expect(other.headers.get('idempotency-replayed')).toBe('true');
    expect((await app.call('GET', `/v1/keys/${id}`)).body).toMatchObject({ version: 2 });
  });

  it('of many at once two make a secret each, and one secret has no end', async () => {
    const { id, key } = await make();
    const answers = await Promise.all(Array.from({ length: 8 }, () => rotate(id)));
    const made = answers.filter(({ status }) => status === 200).map(({ body }) => body as Made);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      200,
      200,
      ...Array<number>(6).fill(409),
    ]);
    for (const { key: one } of [{ key }, ...made]) expect(await probe(one)).toBe('200');
    const { rows } = await database.query(
      'SELECT id FROM api_key_secrets WHERE key_id = $1 AND expires_at IS NULL',
      [id],
    );
    expect(rows).toHaveLength(1);
    expect(await notificationsOf(id)).toHaveLength(2);
  });

  it('tells of it, without any secret', async () => {
    const { id } = await make({ name: 'told of' });
    const { key, old_key_expires_at } = await rotated(id);
    const caller = (await app.call('GET', '/v1/key')).body as Made;
    const told = await notificationsOf(id);
    expect(told).toEqual([
      { key_id: id, name: 'told of', old_key_expires_at, reason: 'manual', by: caller.id },
    ]);
    expect(JSON.stringify(told)).not.toContain(key.slice(-10));
    await rotate(id, { grace_period_hours: -1 });
    expect(await notificationsOf(id)).toHaveLength(1);
  });

  it('is announced to the other instances once', async () => {
    const [{ id }, later] = [await make(), await make()];
    const announced: string[] = [];
    const note = ({ payload = '' }: pg.Notification): void => void announced.push(payload);
    const times = (): number => announced.filter((payload) => payload.includes(id)).length;
    database.on('notification', note);
    await database.query('LISTEN latchkey');
    await rotate(id);
    await expect.poll(times, { timeout: 5_000 }).toBeGreaterThan(0);
    // Every process has handled what is announced after it.
    await rotate(later.id, {}, { headers: { prefer: 'wait=5' } });
    await database.query('UNLISTEN latchkey');
    database.off('notification', note);
    expect(times()).toBe(1);
  });

  it('says how far it has got, where that is asked for', async () => {
    const { id } = await make();
    const answer = await rotate(id, { invalidate_old: true }, { headers: { prefer: 'wait=5' } });
    expect(answer.body).toMatchObject({ propagation: { instances: 1, acknowledged: 1 } });
  });
});

describe('PATCH /v1/keys/{id}/rotation', () => {
  const move = (id: string, at: unknown): Promise<Answer> =>
    app.call('PATCH', `/v1/keys/${id}/rotation`, { body: { old_key_expires_at: at } });
  const inHours = (hours: number): string => new Date(Date.now() + hours * HOUR_MS).toISOString();

  it('200: the old secrets end earlier, later, or now', async () => {
    const { id, key } = await make();
    const second = await rotated(id);
    await rotated(id);
    for (const hours of [1, 719, 2]) {
      const at = inHours(hours);
      const moved = await move(id, at);
      expect(moved.status).toBe(200);
      expect(moved.body).toMatchObject({
        id,
        state: 'overlapping',
        old_key_expires_at: at,
        secrets: [
          { state: 'current', expires_at: null },
          { state: 'retiring', expires_at: at },
          { state: 'retiring', expires_at: at },
        ],
      });
    }
    expect([await probe(key), await probe(second.key)]).toEqual(['200', '200']);
    const ended = await move(id, new Date().toISOString());
    expect(ended.body).toMatchObject({
      state: 'idle',
      old_key_expires_at: null,
      secrets: [{ state: 'current' }, { state: 'ended' }],
    });
    expect([await probe(key), await probe(second.key)]).toEqual(Array(2).fill('expired_api_key'));
    expect((await notificationsOf(id)).map(({ reason }) => reason)).toEqual([
      'manual',
      'manual',
      ...Array<string>(4).fill('cut_off_moved'),
    ]);
  });

  it('409: there is no old secret, or none any more', async () => {
    const { id } = await make();
    expect(refusalOf(await move(id, inHours(1)))).toEqual([409, 'conflict', null]);
    await rotated(id, { invalidate_old: true });
    expect(refusalOf(await move(id, inHours(1)))).toEqual([409, 'conflict', null]);
  });

  it.each([
    ['in the past', -1],
    ['too far ahead', 721],
    ['after the key itself', 49],
  ])('400: %s', async (_, hours) => {
    const { id } = await make({ ...(hours === 49 && { expires_at: inHours(48) }) });
    const { old_key_expires_at: before } = await rotated(id);
    const refused = await move(id, inHours(hours));
    expect(refusalOf(refused)).toEqual([400, 'invalid_request', 'old_key_expires_at']);
    expect((await notificationsOf(id)).at(-1)).toMatchObject({ old_key_expires_at: before });
  });

  it.each([undefined, null, 'soon', 7.5])('400: %j is no time', async (at) => {
    const { id } = await make();
    await rotated(id);
    expect(refusalOf(await move(id, at))).toEqual([400, 'invalid_request', 'old_key_expires_at']);
  });
});

describe('POST /v1/keys/{id}/rotation/rollback', () => {
  const rollBack = (id: string, call: object = {}): Promise<Answer> =>
    app.call('POST', `/v1/keys/${id}/rotation/rollback`, call);

  it('200: the secret before is current again, for good, and the newest is refused', async () => {
    const { id, key } = await make();
    const second = await rotated(id);
    const back = await rollBack(id);
    expect(back.status).toBe(200);
    expect(back.body).toMatchObject({
      id,
      state: 'idle',
      old_key_expires_at: null,
      secrets: [
        { state: 'ended', last_four: second.key.slice(-4) },
        { state: 'current', last_four: key.slice(-4), expires_at: null },
      ],
    });
    expect([await probe(key), await probe(second.key)]).toEqual(['200', 'expired_api_key']);
    expect((await app.call('GET', `/v1/keys/${id}`)).body).toMatchObject({
      last_four: key.slice(-4),
      version: 3,
    });
    expect(refusalOf(await rollBack(id))).toEqual([409, 'conflict', null]);
    expect((await notificationsOf(id)).at(-1)).toMatchObject({ reason: 'rolled_back' });
    const third = await rotated(id);
    expect([await probe(key), await probe(third.key)]).toEqual(['200', '200']);
  });

  it('200: goes back step by step', async () => {
    const { id, key } = await make();
    const second = await rotated(id);
    const third = await rotated(id);
    const states = async (): Promise<string[]> =>
      Promise.all([key, second.key, third.key].map((one) => probe(one)));
    await rollBack(id);
    expect(await states()).toEqual(['200', '200', 'expired_api_key']);
    await rollBack(id);
    expect(await states()).toEqual(['200', 'expired_api_key', 'expired_api_key']);
    expect((await rollBack(id)).status).toBe(409);
  });

  it('409: nothing comes back after its end', async () => {
    const { id, key } = await make();
    expect((await rollBack(id)).status).toBe(409);
    const { key: second } = await rotated(id, { invalidate_old: true });
    expect(refusalOf(await rollBack(id))).toEqual([409, 'conflict', null]);
    expect([await probe(key), await probe(second)]).toEqual(['expired_api_key', '200']);
  });

  it('403: a stronger key', async () => {
    const admin = await make({ access_level: 'admin' });
    await rotated(admin.id);
    const key = await app.keyWith({ scopes: ['keys:write'] });
    expect(codeOf(await rollBack(admin.id, { key }))).toBe('escalation_denied');
  });
});

describe('a secret that waits to be claimed', () => {
  it('is held by nobody: a rotation by hand ends it at once, and it takes no place', async () => {
    const { id, key } = await make();
    await rotated(id);
    await rotated(id);
    const waiting = `UPDATE api_key_secrets SET sealed = '\\x00' WHERE key_id = $1 AND expires_at IS NULL`;
    await database.query(waiting, [id]);
    const { key: next } = await rotated(id);
    expect([await probe(key), await probe(next)]).toEqual(['200', '200']);
    const { rows } = await database.query<Secrets>(
      `SELECT count(*) FILTER (WHERE sealed IS NOT NULL)::int AS sealed,
              count(*) FILTER (WHERE expires_at > now())::int AS retiring
         FROM api_key_secrets WHERE key_id = $1`,
      [id],
    );
    expect(rows[0]).toEqual({ sealed: 0, retiring: 2 });
  });
});

describe('docs/rotation.md', () => {
  it.skipIf(!isInstalled('curl'))('has commands that work as they stand', async () => {
    const { id, key } = await make();
    const env = { KEY_ID: id, LATCHKEY_KEY: app.masterKey };
    const run = async (part: string): Promise<unknown> => {
      const block = blocksOf('docs/rotation.md', 'sh').find((one) => one.includes(part)) ?? '';
      const command = block.replace('http://127.0.0.1:3000', app.origin);
      return JSON.parse(await runProgram('sh', ['-c', command], { env })) as unknown;
    };
    const first = (await run('/rotate ')) as Rotated;
    expect(hoursUntil(first.old_key_expires_at)).toBeCloseTo(48, 1);
    expect(await run('/rotation/rollback')).toMatchObject({ id, state: 'idle' });
    await rotated(id);
    expect(await run('PATCH')).toMatchObject({ id, state: 'idle', old_key_expires_at: null });
    expect(await probe(key)).toBe('expired_api_key');
  });
});
