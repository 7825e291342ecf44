import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

describe('POST /v1/keys', () => {
  it('201: answers the key with its secret, this once', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: { name: 'backend', permissions: { models: ['sandbox/*'] }, metadata: { team: 'x' } },
    });
    expect(made.status).toBe(201);
    const body = made.body as Record<string, unknown>;
    expect(body).toMatchObject({
      name: 'backend',
      prefix: 'pr-live-',
      environment: 'production',
      access_level: 'inference',
      scopes: ['inference', 'models:read'],
      status: 'active',
      policy: { permissions: { models: { allowed: ['sandbox/*'], denied: [] } } },
      metadata: { team: 'x' },
      version: 1,
    });
    const again = await app.call('GET', `/v1/keys/${String(body.id)}`);
    expect(again.status).toBe(200);
    expect(JSON.stringify(again.body)).not.toContain(String(body.key));
  });

  it('201: the same Idempotency-Key gets the same secret, another body 422', async () => {
    const headers = { 'idempotency-key': 'once' };
    const first = await app.call('POST', '/v1/keys', { body: { name: 'a' }, headers });
    const second = await app.call('POST', '/v1/keys', { body: { name: 'a' }, headers });
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const other = await app.call('POST', '/v1/keys', { body: { name: 'b' }, headers });
    expect([other.status, codeOf(other)]).toEqual([422, 'idempotency_key_reused']);
  });

  it('one of 20 parallel calls with one Idempotency-Key makes the key, the others replay it or are told to wait', async () => {
    const call = { body: { name: 'parallel' }, headers: { 'idempotency-key': 'race' } };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => app.call('POST', '/v1/keys', call)),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(new Set(made.map(({ body }) => (body as { id: string }).id)).size).toBe(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expect([answer.status, codeOf(answer)]).toEqual([409, 'idempotency_in_progress']);
    }
  });

  it.each([
    [{ name: 'a', nonsense: 1 }, 'nonsense'],
    [{ name: '' }, 'name'],
    [{}, 'name'],
    [{ name: 'a', access_level: 'god' }, 'access_level'],
    [{ name: 'a', scopes: [] }, 'scopes'],
    [{ name: 'a', scopes: ['inference'], access_level: 'full' }, 'scopes'],
    [{ name: 'a', permissions: { models: [] } }, 'permissions.models'],
    [{ name: 'a', permissions: { models: 'gpt' } }, 'permissions.models'],
    [{ name: 'a', permissions: { model: ['x'] } }, 'permissions.model'],
    [{ name: 'a', expires_at: 'tomorrow' }, 'expires_at'],
    [{ name: 'a', expires_at: '2001-01-01T00:00:00Z' }, 'expires_at'],
    [{ name: 'a', environment: 'moon' }, 'environment'],
    [{ name: 'a\r\nb' }, 'name'],
    [{ name: 'a', metadata: { x: 'y'.repeat(9000) } }, 'metadata'],
    [{ name: 'a', organization_id: 'org_x' }, 'organization_id'],
  ])('400: case %# names the field', async (body, param) => {
    const answer = await app.call('POST', '/v1/keys', { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  it.each([
    ['{"name":"a","name":"b"}', 'invalid_json'],
    ['{"name":"a","metadata":{"x":1,"x":2}}', 'invalid_json'],
    ['{"name":"a","__proto__":{}}', 'invalid_json'],
    ['{"name":', 'invalid_json'],
    [`{"name":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 'invalid_json'],
    ['[]', 'invalid_request'],
    ['"text"', 'invalid_request'],
  ])('400: malformed body %#', async (body, code) => {
    const answer = await app.call('POST', '/v1/keys', { body });
    expect([answer.status, codeOf(answer)]).toEqual([400, code]);
  });

  it('413: a body over the limit', async () => {
    const answer = await app.call('POST', '/v1/keys', { body: { name: 'x'.repeat(1_100_000) } });
    expect([answer.status, codeOf(answer)]).toEqual([413, 'request_too_large']);
  });

  it('403: a key without keys:write', async () => {
    const key = await app.keyWith();
    const answer = await app.call('POST', '/v1/keys', { key, body: { name: 'a' } });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'insufficient_scope']);
  });

  it('403: a read-only key, whatever it asks for', async () => {
    const key = await app.keyWith({ access_level: 'read_only' });
    for (const [method, path] of [
      ['GET', '/v1/keys'],
      ['POST', '/v1/keys'],
      ['GET', '/v1/key'],
    ]) {
      const answer = await app.call(method!, path!, { key });
      expect(answer.body).toMatchObject({
        error: { code: 'read_only_key', message: 'This API key is read-only' },
      });
    }
  });
});

describe('a key never makes a key that may do more than itself', () => {
  it.each([
    ['master from admin', { access_level: 'admin' }, { access_level: 'master' }],
    ['a scope it lacks', { scopes: ['keys:write'] }, { scopes: ['providers:write'] }],
    [
      'a live key from a test key',
      { access_level: 'admin', environment: 'development' },
      { environment: 'production' },
    ],
    [
      'a model it may not use',
      { scopes: ['keys:write'], permissions: { models: ['gpt-4*'] } },
      { permissions: { models: ['gpt-*'] } },
    ],
    [
      'a longer life',
      { scopes: ['keys:write'], expires_at: '2030-01-01T00:00:00Z' },
      { expires_at: '2031-01-01T00:00:00Z' },
    ],
  ])('403: %s', async (_, creator, child) => {
    const key = await app.keyWith(creator);
    const answer = await app.call('POST', '/v1/keys', {
      key,
      body: { name: 'child', environment: 'production', ...child },
    });
    expect(codeOf(answer)).toBe('escalation_denied');
    expect(answer.status).toBe(403);
  });

  it('what is left out is the creator’s, not “no limit”', async () => {
    const key = await app.keyWith({
      scopes: ['keys:write', 'keys:read'],
      permissions: { models: { allowed: ['sandbox/*'], denied: ['sandbox/lorem'] } },
      expires_at: '2030-01-01T00:00:00Z',
    });
    const child = await app.call('POST', '/v1/keys', { key, body: { name: 'child' } });
    expect(child.body).toMatchObject({
      policy: { permissions: { models: { allowed: ['sandbox/*'], denied: ['sandbox/lorem'] } } },
      expires_at: '2030-01-01T00:00:00.000Z',
    });
  });
});

describe('GET /v1/keys', () => {
  it('200: pages through all keys, newest first, none twice', async () => {
    for (let i = 0; i < 5; i++) await app.keyWith({ name: `page-${i}` });
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await app.call('GET', `/v1/keys?limit=2${cursor && `&cursor=${cursor}`}`);
      const body = page.body as { data: { id: string }[]; has_more: boolean; next_cursor: string };
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map(({ id }) => id));
      cursor = body.has_more ? body.next_cursor : '';
    } while (cursor !== '');
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBeGreaterThanOrEqual(6);
  });

  it.each(['limit=0', 'limit=201', 'limit=x', 'cursor=nonsense', 'sort=name', 'limit[]=1'])(
    '400: ?%s',
    async (query) => {
      const answer = await app.call('GET', `/v1/keys?${query}`);
      expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
    },
  );
});

describe('DELETE /v1/keys/{id}', () => {
  it('200: the key is refused at once, and revoking again answers the first time', async () => {
    const made = await app.call('POST', '/v1/keys', { body: { name: 'doomed' } });
    const { id, key } = made.body as { id: string; key: string };
    expect((await app.call('GET', '/v1/key', { key })).status).toBe(200);
    const revoked = await app.call('DELETE', `/v1/keys/${id}`, { body: { reason: 'leaked' } });
    expect(revoked.body).toMatchObject({ id, status: 'revoked', revoked: true });
    const refused = await app.call('GET', '/v1/key', { key });
    expect([refused.status, codeOf(refused)]).toEqual([401, 'revoked_api_key']);
    const again = await app.call('DELETE', `/v1/keys/${id}`);
    expect(again.body).toEqual(revoked.body);
  });

  it.each(['key_doesnotexist', 'x', 'key_\u{1F511}'])('404: %s', async (id) => {
    const answer = await app.call('DELETE', `/v1/keys/${id}`);
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
  });

  it('403: an admin can’t revoke the master key', async () => {
    const list = await app.call('GET', '/v1/keys?limit=200');
    const { data } = list.body as { data: { id: string; access_level: string }[] };
    const master = data.find(({ access_level }) => access_level === 'master');
    const key = await app.keyWith({ access_level: 'admin' });
    const answer = await app.call('DELETE', `/v1/keys/${master!.id}`, { key });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'escalation_denied']);
  });
});

describe('GET /v1/key', () => {
  it('200: shows what the key has used so far, its own last call included', async () => {
    const key = await app.keyWith();
    for (let i = 0; i < 3; i++) {
      const answer = await app.call('POST', '/v1/chat/completions', {
        key,
        body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] },
      });
      expect(answer.status).toBe(200);
    }
    const self = await app.call('GET', '/v1/key', { key });
    expect(self.body).toMatchObject({
      status: 'active',
      usage: { requests: 3, input_tokens: 27, output_tokens: 6, cost: 0 },
    });
  });
});
