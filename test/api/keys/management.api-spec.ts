import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, startTestApp, type TestApp } from '../../support/app.js';

type Listed = {
  readonly name: string;
  readonly created_at: number;
  readonly is_management_key: boolean;
};
type Page = {
  readonly api_keys: Listed[];
  readonly has_more: boolean;
  readonly next_cursor: string;
};

const PATH = '/manage/api-keys';
const LIVE_SECRET = expect.stringMatching(/^pr-live-[0-9A-Za-z]{32}$/) as string;

let app: TestApp;
let manager: string;
beforeAll(async () => {
  app = await startTestApp();
  manager = await app.keyWith({ access_level: 'management', name: 'manager' });
});
afterAll(() => app.close());

let names = 0;
/** A name that no key has. */
function freshName(): string {
  return `name-${names++}`;
}

const create = (body: unknown, key = manager): Promise<Answer> =>
  app.call('POST', PATH, { key, body });
const remove = (body: unknown, key = manager): Promise<Answer> =>
  app.call('DELETE', PATH, { key, body });

async function list(query = ''): Promise<Page> {
  return (await app.call('GET', PATH + query, { key: manager })).body as Page;
}

async function named(name: string): Promise<Listed[]> {
  return (await list()).api_keys.filter((one) => one.name === name);
}

function secretOf({ body }: Answer): string {
  return (body as { api_key: string }).api_key;
}

/** What a key may do, as its own view says. */
async function levelOf(key: string): Promise<unknown> {
  return ((await app.call('GET', '/v1/key', { key })).body as { access_level: unknown })
    .access_level;
}

/** The surface's own envelope, and nothing else in it. */
function expectError(answer: Answer, status: number, text: RegExp): void {
  expect(answer.body).toEqual({ error: expect.stringMatching(text) as string });
  expect(answer.status).toBe(status);
}

describe('POST /manage/api-keys', () => {
  it.each([
    [{}, false, 'inference'],
    [{ is_management_key: null }, false, 'inference'],
    [{ is_management_key: false }, false, 'inference'],
    [{ is_management_key: true }, true, 'management'],
  ])('201: %j answers exactly these fields', async (fields, isManagementKey, level) => {
    const name = freshName();
    const before = Math.floor(Date.now() / 1000);
    const made = await create({ name, ...fields });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      api_key: LIVE_SECRET,
      name,
      created_at: expect.any(Number) as number,
      is_management_key: isManagementKey,
    });
    const { created_at } = made.body as Listed;
    expect(Number.isInteger(created_at)).toBe(true);
    expect(created_at).toBeGreaterThanOrEqual(before);
    expect(created_at).toBeLessThanOrEqual(Date.now() / 1000);
    expect(await levelOf(secretOf(made))).toBe(level);
  });

  it('201: a test key makes test keys', async () => {
    const key = await app.keyWith({ access_level: 'management', environment: 'development' });
    expect(secretOf(await create({ name: freshName() }, key))).toMatch(/^pr-test-/);
  });

  it('201: the same Idempotency-Key gets the same answer, another body 422', async () => {
    const call = { key: manager, headers: { 'idempotency-key': 'once' } };
    const body = { name: freshName() };
    const first = await app.call('POST', PATH, { ...call, body });
    expect(first.status).toBe(201);
    const second = await app.call('POST', PATH, { ...call, body });
    expect(second.body).toEqual(first.body);
    const other = await app.call('POST', PATH, { ...call, body: { name: freshName() } });
    expectError(other, 422, /Idempotency-Key/);
  });

  it('400: a name that a key in use has, whichever API made it', async () => {
    const name = freshName();
    for (const path of ['/v1/keys', '/v1/api-keys', PATH, '/v1/manage/api-keys']) {
      const own = `${name} ${path}`;
      expect((await app.call('POST', path, { body: { name: own } })).status).toBe(201);
      expectError(await create({ name: own }), 400, /already/);
      expect(await named(own)).toHaveLength(1);
    }
  });

  it.each([
    ['disabled', 400],
    ['expired', 400],
    ['to be revoked later', 400],
    ['revoked', 201],
  ])('a name of a key that is %s: %d', async (state, status) => {
    const name = freshName();
    const soon = new Date(Date.now() + 50).toISOString();
    const fields = state === 'expired' ? { expires_at: soon } : {};
    const made = await app.call('POST', '/v1/keys', { body: { name, ...fields } });
    const path = `/v1/keys/${(made.body as { id: string }).id}`;
    if (state === 'disabled') await app.call('POST', `${path}/disable`, { body: {} });
    if (state === 'revoked') await app.call('DELETE', path);
    if (state === 'to be revoked later') {
      await app.call('DELETE', path, { body: { revoke_immediately: false } });
    }
    if (state === 'expired') {
      await expect
        .poll(async () => (await app.call('GET', path)).body)
        .toMatchObject({ status: state });
    }
    expect((await create({ name })).status).toBe(status);
  });

  it('exactly one of 20 at once gets the name, on both paths, with an Idempotency-Key and without', async () => {
    const name = freshName();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        app.call('POST', at % 2 === 0 ? PATH : '/v1/manage/api-keys', {
          key: manager,
          body: { name },
          headers: at % 3 === 0 ? { 'idempotency-key': `race-${at}` } : {},
        }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectError(answer, 400, /already/);
    }
    expect(await named(name)).toHaveLength(1);
  });

  it('20 at once with names of their own all succeed', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => create({ name: freshName() })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201));
  });

  it.each([
    [{}, /name/],
    [undefined, /name/],
    [{ name: '' }, /name/],
    [{ name: 'x'.repeat(201) }, /name/],
    [{ name: null }, /name/],
    [{ name: 5 }, /name/],
    [{ name: 'a\u0000b' }, /name/],
    [{ name: 'a', is_management_key: 'true' }, /is_management_key/],
    [{ name: 'a', is_management_key: 1 }, /is_management_key/],
    [{ name: 'a', colour: 'red' }, /colour/],
    [{ name: 'a', scopes: ['inference'] }, /scopes/],
    ['{"name":"a","name":"b"}', /The key name stands twice/],
    ['{"name":', /JSON/],
    ['[]', /./],
  ])('400: case %# says what is wrong', async (body, text) => {
    expectError(await create(body), 400, text);
  });

  it('413: a body over the limit', async () => {
    expectError(await create({ name: 'x'.repeat(1_100_000) }), 413, /larger/);
  });

  it('403: more than the calling key has', async () => {
    const key = await app.keyWith({ scopes: ['keys:write'] });
    const name = freshName();
    expectError(await create({ name, is_management_key: true }, key), 403, /can’t grant/);
    expect(await named(name)).toEqual([]);
    expect((await create({ name }, key)).status).toBe(201);
  });
});

describe('GET /manage/api-keys', () => {
  it('200: exactly these fields of every key in use, and no secret', async () => {
    const [plain, managing] = [freshName(), freshName()];
    const made = await create({ name: plain });
    await app.call('POST', '/v1/api-keys', {
      body: { name: managing, scopes: ['keys:write', 'inference'] },
    });
    const answer = await app.call('GET', PATH, { key: manager });
    expect(answer.status).toBe(200);
    const { api_keys, ...rest } = answer.body as Page;
    expect(rest).toEqual({ has_more: false, next_cursor: null });
    const found = new Map(api_keys.map((one) => [one.name, one]));
    const { created_at } = made.body as Listed;
    expect(found.get(plain)).toEqual({ name: plain, created_at, is_management_key: false });
    expect(found.get(managing)).toMatchObject({ is_management_key: true });
    expect(found.get('manager')).toMatchObject({ is_management_key: true });
    for (const one of api_keys) {
      expect(Object.keys(one)).toEqual(['name', 'created_at', 'is_management_key']);
    }
    expect(JSON.stringify(answer.body)).not.toContain(secretOf(made));
  });

  it('200: without keys that are revoked', async () => {
    const name = freshName();
    await create({ name });
    expect(await named(name)).toHaveLength(1);
    await remove({ name });
    expect(await named(name)).toEqual([]);
  });

  it('200: pages through all keys where it is told to, newest first', async () => {
    const all = await list();
    expect(all.api_keys.length).toBeGreaterThan(10);
    const seen: Listed[] = [];
    let page = await list('?limit=3');
    for (; page.has_more; page = await list(`?limit=3&cursor=${page.next_cursor}`)) {
      expect(page.api_keys).toHaveLength(3);
      seen.push(...page.api_keys);
    }
    seen.push(...page.api_keys);
    expect(seen).toEqual(all.api_keys);
    const times = seen.map(({ created_at }) => created_at);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  it.each([
    ['limit=0', /limit/],
    ['limit=1001', /limit/],
    ['cursor=nonsense', /cursor/],
    ['name=x', /name/],
  ])('400: ?%s', async (query, text) => {
    expectError(await app.call('GET', `${PATH}?${query}`, { key: manager }), 400, text);
  });
});

describe('DELETE /manage/api-keys', () => {
  it('200: the key is refused from then on, and its name is free', async () => {
    const name = freshName();
    const key = secretOf(await create({ name }));
    expect((await app.call('GET', '/v1/key', { key })).status).toBe(200);
    const deleted = await remove({ name });
    expect([deleted.status, deleted.body]).toEqual([200, { success: true, deleted: name }]);
    expect((await app.call('GET', '/v1/key', { key })).status).toBe(401);
    expectError(await remove({ name }), 404, new RegExp(name));
    expect((await create({ name })).status).toBe(201);
  });

  it('of 20 at once exactly one deletes it', async () => {
    const name = freshName();
    await create({ name });
    const answers = await Promise.all(Array.from({ length: 20 }, () => remove({ name })));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 404)]);
  });

  it('400: the key that makes the call', async () => {
    expectError(await remove({ name: 'manager' }), 400, /key that makes this call/);
    expect((await list()).api_keys.map(({ name }) => name)).toContain('manager');
  });

  it('400: a name that several keys in use have, naming their ids', async () => {
    const name = freshName();
    const ids: string[] = [];
    for (let made = 0; made < 12; made++) {
      const { body } = await app.call('POST', '/v1/keys', { body: { name } });
      ids.push((body as { id: string }).id);
    }
    const crowd = await remove({ name });
    expectError(crowd, 400, / and more\. Use DELETE \/v1\/keys\/\{id\}\./);
    const { error } = crowd.body as { error: string };
    expect(ids.filter((id) => error.includes(id))).toEqual(ids.slice(0, 10));
    for (const id of ids.slice(2)) await app.call('DELETE', `/v1/keys/${id}`);
    expectError(await remove({ name }), 400, new RegExp(`: ${ids[0]}, ${ids[1]}\\. Use`));
    await app.call('DELETE', `/v1/keys/${ids[0]}`);
    expect((await remove({ name })).status).toBe(200);
    expect((await app.call('GET', `/v1/keys/${ids[1]}`)).body).toMatchObject({ status: 'revoked' });
  });

  it.each([
    [{}, /name/],
    [undefined, /name/],
    [{ name: '' }, /name/],
    [{ name: ['a'] }, /name/],
    [{ name: { $ne: '' } }, /name/],
    [{ name: 'x'.repeat(201) }, /name/],
    [{ name: 'a', id: 'key_x' }, /id/],
    ['{"name":"a","name":"b"}', /The key name stands twice/],
  ])('400: case %# says what is wrong', async (body, text) => {
    expectError(await remove(body), 400, text);
  });

  it('403: a master key, unless by one', async () => {
    const { name } = (await app.call('GET', '/v1/key')).body as Listed;
    expectError(await remove({ name }), 403, /master/);
  });
});

describe('who may not manage keys', () => {
  it.each([
    [{ access_level: 'inference' }, /lacks the scope keys:/],
    [{ access_level: 'read_only' }, /^This API key is read-only$/],
    [{ scopes: ['usage:read', 'config:write'] }, /lacks the scope keys:/],
  ])('403: %j', async (fields, text) => {
    const key = await app.keyWith({ ...fields, name: freshName() });
    for (const path of [PATH, '/v1/manage/api-keys']) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        const body = method === 'GET' ? undefined : { name: 'x' };
        expectError(await app.call(method, path, { key, body }), 403, text);
      }
    }
  });

  it('401: whoever has no key, or a wrong one', async () => {
    expectError(await app.call('GET', PATH, { key: null }), 401, /^No API key provided$/);
    expectError(await app.call('GET', PATH, { key: 'x' }), 401, /^Invalid API key provided$/);
  });
});
