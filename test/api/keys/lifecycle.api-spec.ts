import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';

type Made = { readonly id: string; readonly key: string; readonly version: number };

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

async function make(fields: Record<string, unknown> = {}): Promise<Made> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'mine', ...fields } });
  expect(made.status).toBe(201);
  return made.body as Made;
}

async function probe(key: string, model = 'sandbox/echo'): Promise<string> {
  const body = { model, messages: [{ role: 'user', content: 'hi' }] };
  const answer = await app.call('POST', '/v1/chat/completions', { key, body });
  return codeOf(answer) ?? String(answer.status);
}

describe('PATCH /v1/keys/{id}', () => {
  it('200: changes what is given, at once, and leaves the rest', async () => {
    const { id, key } = await make({
      permissions: { models: ['sandbox/*'], features: { vision: false } },
      metadata: { team: 'a' },
    });
    expect(await probe(key, 'sandbox/lorem')).toBe('200');
    const changed = await app.call('PATCH', `/v1/keys/${id}`, {
      body: { name: 'yours', permissions: { models: ['sandbox/echo'] } },
    });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).toBe('"2"');
    expect(changed.body).toMatchObject({
      name: 'yours',
      version: 2,
      metadata: { team: 'a' },
      policy: {
        permissions: { models: { allowed: ['sandbox/echo'] }, features: { denied: ['vision'] } },
      },
    });
    expect(await probe(key, 'sandbox/lorem')).toBe('model_not_allowed');
    expect(await probe(key)).toBe('200');
  });

  it('200: null lifts a restriction, or a group of them, to what the changing key has', async () => {
    const { id } = await make({
      permissions: { models: ['a'] },
      expires_at: '2030-01-01T00:00:00Z',
    });
    const body = { name: null, permissions: { models: null }, expires_at: null };
    const changed = await app.call('PATCH', `/v1/keys/${id}`, { body });
    expect(changed.body).toMatchObject({
      name: 'mine',
      expires_at: null,
      policy: { permissions: { models: { allowed: null } } },
    });
    const one = await make({
      permissions: { operations: ['read'] },
      restrictions: { domains: ['a'] },
    });
    const lifted = await app.call('PATCH', `/v1/keys/${one.id}`, { body: { permissions: null } });
    expect(lifted.body).toMatchObject({
      policy: {
        permissions: { operations: null },
        security: { domain_restrictions: { allowed_domains: ['a'] } },
      },
    });
    const limited = await app.keyWith({
      scopes: ['keys:write', 'inference'],
      permissions: { models: ['sandbox/*'] },
    });
    const child = await app.call('POST', '/v1/keys', {
      key: limited,
      body: { name: 'child', permissions: { models: ['sandbox/echo'] } },
    });
    const back = await app.call('PATCH', `/v1/keys/${(child.body as Made).id}`, {
      key: limited,
      body: { permissions: { models: null } },
    });
    expect(back.body).toMatchObject({
      policy: { permissions: { models: { allowed: ['sandbox/*'] } } },
    });
  });

  it.each([
    [
      { features: { vision: true } },
      { allowed: ['chat_completion', 'streaming', 'vision'], denied: ['web_search'] },
    ],
    [
      { features: { streaming: false } },
      { allowed: ['chat_completion', 'streaming'], denied: ['vision', 'web_search', 'streaming'] },
    ],
    [{ features: { denied: [] } }, { allowed: ['chat_completion', 'streaming'], denied: [] }],
    [{ features: null }, { allowed: null, denied: [] }],
    [{ all_features: true }, { allowed: null, denied: [] }],
    [
      { all_models: true },
      { allowed: ['chat_completion', 'streaming'], denied: ['vision', 'web_search'] },
    ],
  ])('200: %j changes what it names and no more', async (permissions, features) => {
    const { id } = await make({
      permissions: {
        models: { allowed: ['a'], denied: ['b'] },
        features: { allowed: ['chat_completion', 'streaming'], denied: ['vision', 'web_search'] },
      },
    });
    const changed = await app.call('PATCH', `/v1/keys/${id}`, { body: { permissions } });
    const models =
      'all_models' in permissions
        ? { allowed: null, denied: [] }
        : { allowed: ['a'], denied: ['b'] };
    expect(changed.body).toMatchObject({ policy: { permissions: { features, models } } });
  });

  it('412: with the version of somebody who has not seen the last change', async () => {
    const { id } = await make();
    const patch = (name: string, tag: string): Promise<{ status: number }> =>
      app.call('PATCH', `/v1/keys/${id}`, { body: { name }, headers: { 'if-match': tag } });
    expect((await patch('b', '"1"')).status).toBe(200);
    for (const tag of ['"1"', '2', 'W/"2"', '"x"', '']) {
      expect([tag, (await patch('c', tag)).status]).toEqual([tag, 412]);
    }
    expect((await patch('d', '"1", "2"')).status).toBe(200);
    expect((await patch('e', '*')).status).toBe(200);
  });

  it('of 20 at once with one version exactly one is made', async () => {
    const { id } = await make();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        app.call('PATCH', `/v1/keys/${id}`, {
          body: { name: `n${index}` },
          headers: { 'if-match': '"1"' },
        }),
      ),
    );
    const count = (wanted: number): number =>
      answers.filter(({ status }) => status === wanted).length;
    expect([count(200), count(412)]).toEqual([1, 19]);
  });

  it.each([
    [{ nonsense: 1 }, 400, 'nonsense'],
    [{ environment: 'staging' }, 400, 'environment'],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 400, 'expires_at'],
    [{ permissions: { models: [] } }, 400, 'permissions.models'],
    [{ access_level: 'admin', scopes: ['inference'] }, 400, 'scopes'],
    [{ name: '' }, 400, 'name'],
  ])('%j is refused: %i, %s', async (body, status, param) => {
    const { id } = await make();
    const answer = await app.call('PATCH', `/v1/keys/${id}`, { body });
    expect([answer.status, (answer.body as { error: object }).error]).toMatchObject([
      status,
      { param },
    ]);
    expect((await app.call('GET', `/v1/keys/${id}`)).body).toMatchObject({ version: 1 });
  });

  it('409: a revoked key, and 404: none', async () => {
    const { id } = await make();
    await app.call('DELETE', `/v1/keys/${id}`);
    expect((await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'x' } })).status).toBe(409);
    const nowhere = await app.call('PATCH', '/v1/keys/key_nowhere', { body: { name: 'x' } });
    expect(nowhere.status).toBe(404);
  });
});

describe('a key that changes another', () => {
  const limits = { scopes: ['keys:write', 'inference'], permissions: { models: ['sandbox/*'] } };

  it.each([
    ['more models', { permissions: { models: ['*'] } }, 'permissions.models'],
    ['all models', { permissions: { all_models: true } }, 'permissions.all_models'],
    ['a scope it lacks', { scopes: ['audit:read'] }, 'scopes'],
    ['a level beyond it', { access_level: 'admin' }, 'access_level'],
  ])('can’t give it %s', async (_, body, param) => {
    const changer = await make(limits);
    const child = await app.call('POST', '/v1/keys', { key: changer.key, body: { name: 'child' } });
    const { id } = child.body as Made;
    for (const target of [id, changer.id]) {
      const answer = await app.call('PATCH', `/v1/keys/${target}`, { key: changer.key, body });
      expect([answer.status, (answer.body as { error: object }).error]).toMatchObject([
        403,
        { code: 'escalation_denied', param },
      ]);
    }
  });

  it('can’t change the rights of, nor enable, one that may do more; disabling and renaming it can', async () => {
    const changer = await make(limits);
    const wide = await make({ scopes: ['inference'] });
    const call = async (method: string, path: string, body: object): Promise<string> => {
      const answer = await app.call(method, `/v1/keys/${wide.id}${path}`, {
        key: changer.key,
        body,
      });
      return codeOf(answer) ?? String(answer.status);
    };
    expect(await call('PATCH', '', { permissions: { operations: ['read'] } })).toBe(
      'escalation_denied',
    );
    expect(await call('PATCH', '', { name: 'renamed' })).toBe('200');
    expect(await call('POST', '/disable', {})).toBe('200');
    expect(await call('POST', '/enable', {})).toBe('escalation_denied');
    // Nor by disabling it once more, for a second.
    expect(await call('POST', '/disable', { auto_enable_after: '1s' })).toBe('escalation_denied');
    expect(await probe(wide.key)).toBe('key_disabled');
  });

  it('can’t touch a master key, whatever it is itself short of one', async () => {
    const list = await app.call('GET', '/v1/keys?limit=200');
    const { data } = list.body as { data: { id: string; access_level: string }[] };
    const master = data.find(({ access_level }) => access_level === 'master');
    const key = await app.keyWith({ access_level: 'admin' });
    for (const [method, path] of [
      ['PATCH', ''],
      ['POST', '/disable'],
      ['POST', '/enable'],
      ['DELETE', ''],
    ] as const) {
      const answer = await app.call(method, `/v1/keys/${master!.id}${path}`, { key, body: {} });
      expect([method, path, codeOf(answer)]).toEqual([method, path, 'escalation_denied']);
    }
  });
});

describe('POST /v1/keys/{id}/disable and /enable', () => {
  it('200: refused at once with the reason kept, and let in again', async () => {
    const { id, key } = await make();
    const disabled = await app.call('POST', `/v1/keys/${id}/disable`, { body: { reason: 'odd' } });
    expect(disabled.body).toMatchObject({
      status: 'disabled',
      disabled_reason: 'odd',
      auto_enable_at: null,
    });
    expect(await probe(key)).toBe('key_disabled');
    const enabled = await app.call('POST', `/v1/keys/${id}/enable`);
    expect(enabled.body).toMatchObject({ status: 'active', disabled_reason: null });
    expect(await probe(key)).toBe('200');
    const again = await app.call('POST', `/v1/keys/${id}/enable`);
    expect((again.body as Made).version).toBe((enabled.body as Made).version);
  });

  it('by itself when the time has come, without any job', async () => {
    const { id, key } = await make();
    const body = { auto_enable_after: '1s' };
    const disabled = await app.call('POST', `/v1/keys/${id}/disable`, { body });
    expect(await probe(key)).toBe('key_disabled');
    const { auto_enable_at: at } = disabled.body as { auto_enable_at: string };
    await sleep(Math.max(0, Date.parse(at) - Date.now()) + 50);
    expect(await probe(key)).toBe('200');
    expect((await app.call('GET', `/v1/keys/${id}`)).body).toMatchObject({ status: 'active' });
  });

  it.each(['1', '0h', 'soon', '1w', '2020-01-01T00:00:00Z', '2030-01-01', '9999999d'])(
    '400: auto_enable_after %j',
    async (auto_enable_after) => {
      const { id } = await make();
      const answer = await app.call('POST', `/v1/keys/${id}/disable`, {
        body: { auto_enable_after },
      });
      expect([answer.status, (answer.body as { error: object }).error]).toMatchObject([
        400,
        { param: 'auto_enable_after' },
      ]);
    },
  );
});

describe('DELETE /v1/keys/{id} at a given time', () => {
  it('200: goes on until then, and is refused from then on', async () => {
    const { id, key } = await make();
    const body = { reason: 'moved', revoke_immediately: false, revoke_after: '1s' };
    const planned = await app.call('DELETE', `/v1/keys/${id}`, { body });
    expect(planned.body).toMatchObject({ id, status: 'active', revoked: false });
    expect(await probe(key)).toBe('200');
    const { revoked_at: at } = planned.body as { revoked_at: string };
    await sleep(Math.max(0, Date.parse(at) - Date.now()) + 50);
    expect(await probe(key)).toBe('revoked_api_key');
    const done = await app.call('DELETE', `/v1/keys/${id}`);
    expect(done.body).toEqual({ id, status: 'revoked', revoked: true, revoked_at: at });
  });

  it('a plan is brought forward, and never put off', async () => {
    const { id } = await make();
    const plan = async (revoke_after: string): Promise<number> => {
      const body = { revoke_immediately: false, revoke_after };
      const answer = await app.call('DELETE', `/v1/keys/${id}`, { body });
      return Date.parse((answer.body as { revoked_at: string }).revoked_at);
    };
    const first = await plan('2h');
    expect(await plan('7d')).toBe(first);
    expect(await plan('1h')).toBeLessThan(first);
  });

  it('200: in 24 hours unless said, and a plan gives way to “at once”', async () => {
    const { id, key } = await make();
    const planned = await app.call('DELETE', `/v1/keys/${id}`, {
      body: { revoke_immediately: false },
    });
    const { revoked_at: at } = planned.body as { revoked_at: string };
    expect((Date.parse(at) - Date.now()) / 3_600_000).toBeCloseTo(24, 1);
    await app.call('DELETE', `/v1/keys/${id}`);
    expect(await probe(key)).toBe('revoked_api_key');
  });

  it.each([
    [{ revoke_at: '2030-01-01T00:00:00Z' }, 'revoke_at'],
    [{ revoke_after: '1h' }, 'revoke_after'],
    [
      { revoke_immediately: false, revoke_after: '1h', revoke_at: '2030-01-01T00:00:00Z' },
      'revoke_after',
    ],
    [{ revoke_immediately: false, revoke_at: '2020-01-01T00:00:00Z' }, 'revoke_at'],
    [{ revoke_immediately: 'no' }, 'revoke_immediately'],
  ])('400: %j', async (body, param) => {
    const { id, key } = await make();
    const answer = await app.call('DELETE', `/v1/keys/${id}`, { body });
    expect((answer.body as { error: object }).error).toMatchObject({
      code: 'invalid_request',
      param,
    });
    expect(await probe(key)).toBe('200');
  });
});
