import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';

type Listed = { readonly id: string; readonly name: string; readonly last_used_at: string | null };
type Page = { readonly data: Listed[]; readonly has_more: boolean; readonly next_cursor: string };

const PATH = '/v1/api-keys';
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const ID = expect.stringMatching(/^key_[0-9A-Za-z]{22}$/) as string;
const LIVE_SECRET = expect.stringMatching(/^pr-live-[0-9A-Za-z]{32}$/) as string;

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

async function make(fields: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
  const made = await app.call('POST', PATH, { body: { name: 'mine', ...fields } });
  expect(made.status).toBe(201);
  return made.body as { id: string; secret: string };
}

async function list(query = ''): Promise<Page> {
  return (await app.call('GET', PATH + query)).body as Page;
}

describe('POST /v1/api-keys', () => {
  const FIELDS = { id: ID, name: 'mine', secret: LIVE_SECRET, created_at: TIME };

  it.each([
    [{}, { scopes: ['inference', 'models:read'], expires_at: null }],
    [{ scopes: null, expires_at: null }, { scopes: ['inference', 'models:read'] }],
    [{ scopes: ['inference', 'config:read'] }, { scopes: ['inference', 'config:read'] }],
    [{ expires_at: '2099-01-01T00:00:00Z' }, { expires_at: '2099-01-01T00:00:00.000Z' }],
  ])('201: %j answers exactly these fields, the secret among them', async (fields, answered) => {
    const made = await app.call('POST', PATH, { body: { name: 'mine', ...fields } });
    expect(made.status).toBe(201);
    const defaults = { scopes: ['inference', 'models:read'], expires_at: null };
    expect(made.body).toEqual({ ...FIELDS, ...defaults, ...answered });
  });

  it('201: a test key makes keys of its own environment', async () => {
    const key = await app.keyWith({ access_level: 'admin', environment: 'staging' });
    const made = await app.call('POST', PATH, { key, body: { name: 'mine' } });
    expect(made.body).toMatchObject({
      secret: expect.stringMatching(/^pr-test-/) as string,
    });
    const { id } = made.body as Listed;
    const seen = await app.call('GET', `/v1/keys/${id}`);
    expect(seen.body).toMatchObject({ environment: 'staging' });
  });

  it('201: the same Idempotency-Key gets the same secret, another body 422', async () => {
    const headers = { 'idempotency-key': 'once' };
    const first = await app.call('POST', PATH, { body: { name: 'a' }, headers });
    const second = await app.call('POST', PATH, { body: { name: 'a' }, headers });
    expect(second.body).toEqual({ ...FIELDS, ...(first.body as object) });
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const other = await app.call('POST', PATH, { body: { name: 'b' }, headers });
    expect([other.status, codeOf(other)]).toEqual([422, 'idempotency_key_reused']);
  });

  it.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ name: 5 }, 'name'],
    [{ name: ['a'] }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ name: 'a', scopes: [] }, 'scopes'],
    [{ name: 'a', scopes: 'inference' }, 'scopes'],
    [{ name: 'a', scopes: ['inference', 'inference'] }, 'scopes'],
    [{ name: 'a', expires_at: 'soon' }, 'expires_at'],
    [{ name: 'a', expires_at: '2001-01-01T00:00:00Z' }, 'expires_at'],
    [{ name: 'a', environment: 'staging' }, 'environment'],
    [{ name: 'a', access_level: 'admin' }, 'access_level'],
    [{ name: 'a', permissions: {} }, 'permissions'],
  ])('400: case %# names the field', async (body, param) => {
    const answer = await app.call('POST', PATH, { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  it('400: a scope that there is not is named', async () => {
    const answer = await app.call('POST', PATH, { body: { name: 'a', scopes: ['keys:admin'] } });
    expect(answer.status).toBe(400);
    const { error } = answer.body as { error: { param: string; message: string } };
    expect(error.param).toBe('scopes');
    expect(error.message).toContain('keys:admin');
  });

  it.each([
    '{"name":"a","name":"b"}',
    '{"name":"a","scopes":["inference"],"scopes":["keys:write"]}',
  ])('400: a key that stands twice, %s', async (body) => {
    const answer = await app.call('POST', PATH, { body });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_json']);
  });

  it('403: more than the calling key has', async () => {
    const key = await app.keyWith({
      scopes: ['keys:write'],
      expires_at: '2030-01-01T00:00:00Z',
      permissions: { models: ['sandbox/*'] },
    });
    for (const [fields, param] of [
      [{ scopes: ['providers:write'] }, 'scopes'],
      [{ expires_at: '2031-01-01T00:00:00Z' }, 'expires_at'],
    ] as const) {
      const refused = await app.call('POST', PATH, { key, body: { name: 'a', ...fields } });
      expect(refused.status).toBe(403);
      expect(refused.body).toMatchObject({ error: { code: 'escalation_denied', param } });
    }
    const made = await app.call('POST', PATH, { key, body: { name: 'a' } });
    expect(made.body).toMatchObject({ expires_at: '2030-01-01T00:00:00.000Z' });
    const policy = await app.call('GET', `/v1/keys/${(made.body as Listed).id}/policy`);
    expect(policy.body).toMatchObject({
      policy: { permissions: { models: { allowed: ['sandbox/*'] } } },
    });
  });
});

describe('GET /v1/api-keys', () => {
  it('200: answers exactly these fields, and no secret', async () => {
    const fresh = await make({ name: 'listed', scopes: ['inference'] });
    const { data, ...rest } = await list();
    expect(rest).toEqual({ has_more: false, next_cursor: null });
    expect(data.find(({ id }) => id === fresh.id)).toEqual({
      id: fresh.id,
      name: 'listed',
      prefix: 'pr-live-',
      last_four: fresh.secret.slice(-4),
      created_at: TIME,
      last_used_at: null,
      scopes: ['inference'],
      revoked: false,
    });
    expect(JSON.stringify(data)).not.toContain(fresh.secret);
  });

  it('200: says when a key was used', async () => {
    const { id, secret } = await make();
    const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'x' }] };
    await app.call('POST', '/v1/chat/completions', { key: secret, body });
    // The key's own totals wait for what it has just used.
    await app.call('GET', '/v1/key', { key: secret });
    const { data } = await list();
    expect(data.find((one) => one.id === id)?.last_used_at).toEqual(TIME);
  });

  it('200: answers more than 50 unless told otherwise, and pages through all of them', async () => {
    await Promise.all(Array.from({ length: 55 }, () => make({ name: 'many' })));
    const all = await list();
    expect(all.data.length).toBeGreaterThan(55);
    expect(all.has_more).toBe(false);
    const seen: string[] = [];
    let page = await list('?limit=25');
    for (; page.has_more; page = await list(`?limit=25&cursor=${page.next_cursor}`)) {
      expect(page.data).toHaveLength(25);
      seen.push(...page.data.map(({ id }) => id));
    }
    seen.push(...page.data.map(({ id }) => id));
    expect(seen).toEqual(all.data.map(({ id }) => id));
  });

  it.each(['limit=0', 'limit=201', 'limit=x', 'cursor=nonsense', 'all=true'])(
    '400: ?%s',
    async (query) => {
      const answer = await app.call('GET', `${PATH}?${query}`);
      expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
    },
  );
});

describe('DELETE /v1/api-keys/{key_id}', () => {
  it('200: the key is refused from then on; doing it again answers the same', async () => {
    const { id, secret } = await make();
    expect((await app.call('GET', '/v1/key', { key: secret })).status).toBe(200);
    for (let times = 0; times < 2; times++) {
      const deleted = await app.call('DELETE', `${PATH}/${id}`);
      expect([deleted.status, deleted.body]).toEqual([200, { status: 'ok', id, revoked: true }]);
    }
    const refused = await app.call('GET', '/v1/key', { key: secret });
    expect([refused.status, codeOf(refused)]).toEqual([401, 'revoked_api_key']);
    const { data } = await list();
    expect(data.find((one) => one.id === id)).toMatchObject({ revoked: true });
  });

  it('200: at once, also where a later time was planned', async () => {
    const { id, secret } = await make();
    await app.call('DELETE', `/v1/keys/${id}`, { body: { revoke_immediately: false } });
    expect((await list()).data.find((one) => one.id === id)).toMatchObject({ revoked: false });
    await app.call('DELETE', `${PATH}/${id}`);
    expect(codeOf(await app.call('GET', '/v1/key', { key: secret }))).toBe('revoked_api_key');
  });

  it.each(['key_doesnotexist', 'x', 'mine'])('404: %s', async (id) => {
    const answer = await app.call('DELETE', `${PATH}/${id}`);
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
  });
});

describe('who may not manage keys', () => {
  const CALLS = [
    ['GET', PATH],
    ['POST', PATH],
    ['DELETE', `${PATH}/key_doesnotexist`],
  ] as const;

  it.each([
    [{ access_level: 'inference' }, 'insufficient_scope'],
    [{ access_level: 'read_only' }, 'read_only_key'],
    [{ scopes: ['usage:read', 'config:write'] }, 'insufficient_scope'],
  ])('403: %j is refused with %s, in MultiRoute’s envelope', async (fields, code) => {
    const key = await app.keyWith(fields);
    for (const [method, path] of CALLS) {
      const body = method === 'POST' ? { name: 'a' } : undefined;
      const answer: Answer = await app.call(method, path, { key, body });
      expect([method, answer.status]).toEqual([method, 403]);
      const error = { type: 'permission_error', message: expect.any(String) as string, code };
      expect(answer.body).toMatchObject({ error });
    }
  });

  it('403: keys:read lists and does no more', async () => {
    const key = await app.keyWith({ scopes: ['keys:read'] });
    expect((await app.call('GET', PATH, { key })).status).toBe(200);
    expect((await app.call('POST', PATH, { key, body: { name: 'a' } })).status).toBe(403);
    const { id } = await make();
    expect((await app.call('DELETE', `${PATH}/${id}`, { key })).status).toBe(403);
  });

  it('a management key may, but not touch a master key', async () => {
    const key = await app.keyWith({ access_level: 'management' });
    const made = await app.call('POST', PATH, { key, body: { name: 'a' } });
    const { id } = made.body as Listed;
    expect((await app.call('DELETE', `${PATH}/${id}`, { key })).status).toBe(200);
    const master = (await app.call('GET', '/v1/key')).body as Listed;
    const refused = await app.call('DELETE', `${PATH}/${master.id}`, { key });
    expect([refused.status, codeOf(refused)]).toEqual([403, 'escalation_denied']);
  });
});
