import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, type TestApp } from '../../support/app.js';
import type { FakeUpstream } from '../../support/fake-upstream.js';
import { OPERATIONS } from '../../contract/api-document.js';
import {
  CHAT,
  POLICY_ROWS,
  type Probe,
  probe,
  startWithProviders,
  targetOf,
  TOOLS,
} from './policy-rows.harness.js';

type Entry = { readonly rule: string; readonly outcome: string; readonly detail: string };
type Simulated = {
  readonly decision: string;
  readonly status: number;
  readonly code: string | null;
  readonly trace: readonly Entry[];
};
type Key = { readonly id: string; readonly key: string };

let app: TestApp;
let upstream: FakeUpstream;
beforeAll(async () => {
  ({ app, upstream } = await startWithProviders());
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

async function make(fields: Record<string, unknown> = {}): Promise<Key> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'asked about', ...fields } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Key;
}

function ask(id: string, body?: unknown, key?: string): Promise<Answer> {
  return app.call('POST', `/v1/keys/${id}/simulate`, {
    ...(body !== undefined && { body }),
    ...(key !== undefined && { key }),
  });
}

async function simulate(id: string, body: object = {}): Promise<Simulated> {
  const answer = await ask(id, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Simulated;
}

function entryOf({ trace }: Simulated, rule: string): Entry | undefined {
  return trace.find((entry) => entry.rule === rule);
}

type ChatBody = {
  readonly model?: string;
  readonly stream?: boolean;
  readonly tools?: unknown;
  readonly max_tokens?: number;
  readonly max_completion_tokens?: number;
};

/** All that there is to say of a request that `probe` really sends. */
function described(tried: Probe): Record<string, unknown> {
  const [method, path] = targetOf(tried);
  return { method, path, ...describedClient(tried.headers), ...describedBody(tried.body) };
}

function describedClient(headers: Record<string, string> = {}): Record<string, unknown> {
  return {
    ip: headers['x-forwarded-for'] ?? '127.0.0.1',
    ...(headers['cf-ipcountry'] !== undefined && { country: headers['cf-ipcountry'] }),
    https: headers['x-forwarded-proto'] === 'https',
    origin: headers.origin ?? null,
    referrer: headers.referer ?? null,
    // What `fetch` says by itself.
    user_agent: headers['user-agent'] ?? 'node',
  };
}

function describedBody(body: object = CHAT): Record<string, unknown> {
  const { model, stream, tools, max_tokens, max_completion_tokens } = body as ChatBody;
  const maxTokens = max_completion_tokens ?? max_tokens;
  return {
    ...(model !== undefined && { model }),
    features: [...(stream ? ['streaming'] : []), ...(tools ? ['function_calling'] : [])],
    ...(maxTokens !== undefined && { max_tokens: maxTokens }),
  };
}

async function expectSame(key: Key, tried: Probe): Promise<Simulated> {
  const simulated = await simulate(key.id, described(tried));
  const [status, code] = await probe(app, key.key, tried);
  expect([simulated.status, simulated.code]).toEqual([status, code ?? null]);
  expect(simulated.decision).toBe(status === 200 ? 'allow' : 'deny');
  const denied = simulated.trace.some(({ outcome }) => outcome === 'deny');
  expect(denied).toBe(status !== 200);
  return simulated;
}

describe('what is simulated is what becomes of the real request', () => {
  it.each(POLICY_ROWS)('$field', async ({ policy, passes, fails, code }) => {
    const key = await make({ ...policy, scopes: ['inference', 'models:read'] });
    await expectSame(key, passes);
    expect((await expectSame(key, fails)).code).toBe(code);
    await expectSame(key, {});
  });

  const embeddings = '/v1/embeddings';
  const input = { model: 'sandbox/echo', input: 'hi' };
  const limited = {
    permissions: { models: { cost_limits: { '*': { max_tokens_per_request: 2 } } } },
  };
  const noSearch = { permissions: { features: { web_search: false, custom_presets: false } } };
  it.each<[string, Record<string, unknown>, Probe, string | null]>([
    ['a key without restrictions', {}, {}, null],
    ['another prefix', {}, { path: '/openai/chat/completions' }, null],
    ['a query', {}, { path: '/v1/chat/completions?x=1' }, null],
    ['a slash too many', {}, { path: '/v1/chat/completions/' }, 'not_found'],
    ['another spelling', {}, { path: '/V1/chat/completions' }, 'not_found'],
    ['an encoded letter', {}, { path: '/v1/%63hat/completions' }, null],
    ['an unknown path', {}, { path: '/v1/nothing' }, 'not_found'],
    ['a method that the path has not', {}, { path: 'PUT /v1/chat/completions' }, 'not_found'],
    ['a public route', {}, { path: 'GET /health/live' }, null],
    ['the API’s own document', {}, { path: 'GET /openapi.json' }, null],
    ['a route for any key', { scopes: ['usage:read'] }, { path: 'GET /v1/key' }, null],
    ['a list of models', {}, { path: 'GET /v1/models' }, null],
    ['a name with a slash', {}, { path: 'GET /v1/models/sandbox/echo' }, null],
    ['a scope that is missing', {}, { path: 'GET /v1/keys' }, 'insufficient_scope'],
    ['inference without its scope', { scopes: ['keys:read'] }, {}, 'insufficient_scope'],
    ['a read-only key', { access_level: 'read_only' }, {}, 'read_only_key'],
    [
      'a read-only key that reads',
      { access_level: 'read_only' },
      { path: 'GET /v1/models' },
      'read_only_key',
    ],
    ['a model without a route', {}, { body: { ...CHAT, model: 'gpt-99' } }, 'model_not_found'],
    ['auto', {}, { body: { ...CHAT, model: 'auto' } }, 'model_not_found'],
    [
      'any model of a test key',
      { environment: 'staging' },
      { body: { ...CHAT, model: 'gpt-99' } },
      null,
    ],
    ['embeddings', limited, { path: embeddings, body: { ...input, max_tokens: 3 } }, null],
    [
      'a feature in the model’s name',
      noSearch,
      { body: { ...CHAT, model: 'gpt-4o:online' } },
      'feature_not_allowed',
    ],
    [
      'a preset in the model’s name',
      noSearch,
      { body: { ...CHAT, model: '@preset/mine' } },
      'feature_not_allowed',
    ],
    [
      'the first of two refusals',
      { permissions: { models: ['sandbox/echo'], features: { function_calling: false } } },
      { body: { ...CHAT, model: 'sandbox/lorem', tools: TOOLS } },
      'model_not_allowed',
    ],
    [
      'what the caller is, before what it asks for',
      { permissions: { models: ['a'] }, restrictions: { ip_whitelist: ['192.0.2.1'] } },
      {},
      'ip_not_allowed',
    ],
  ])('%s', async (_, fields, tried, code) => {
    expect((await expectSame(await make(fields), tried)).code).toBe(code);
  });

  it('a key that is revoked, disabled or expired, now and later', async () => {
    const key = await make();
    const change = (action: string, body: object): Promise<Answer> =>
      app.call(action === '' ? 'DELETE' : 'POST', `/v1/keys/${key.id}${action}`, { body });
    await change('/disable', { auto_enable_after: '1h' });
    expect((await expectSame(key, {})).code).toBe('key_disabled');
    await change('/enable', {});
    expect((await expectSame(key, {})).code).toBeNull();
    await change('', { revoke_immediately: false });
    const later = await expectSame(key, {});
    expect(entryOf(later, 'revoked')).toMatchObject({ outcome: 'allow' });
    await change('', {});
    expect((await expectSame(key, {})).code).toBe('revoked_api_key');
    const other = await make();
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    await client.query(`UPDATE api_keys SET expires_at = '2020-01-01' WHERE id = $1`, [other.id]);
    await client.end();
    const expired = await expectSame(other, {});
    expect(entryOf(expired, 'expired')).toEqual({
      rule: 'expired',
      outcome: 'deny',
      detail: 'The key expired at 2020-01-01T00:00:00.000Z.',
    });
  });

  it('knows every inference route that there is', async () => {
    const key = await make();
    const routes = OPERATIONS.filter((one) => one['x-required-scope'] === 'inference');
    expect(routes.length).toBeGreaterThan(8);
    for (const { method, path } of routes) {
      const simulated = await simulate(key.id, { method, path, model: 'sandbox/echo' });
      expect([path, simulated.decision]).toEqual([path, 'allow']);
      expect(entryOf(simulated, 'route')?.outcome).toBe('allow');
    }
  });
});

const RULES = [
  'path',
  'revoked',
  'expired',
  'pending_approval',
  'disabled',
  'environment',
  'read_only',
  'scope',
  'signature',
  'https',
  'ip',
  'environment_network',
  'country',
  'origin',
  'domain',
  'referrer',
  'user_agent',
  'operation',
  'model',
  'auto_routing',
  'feature',
  'output_tokens',
  'route',
  'provider',
  'limit',
  'credit',
];

/** Each rule has something to look at. */
const STRICT = {
  permissions: {
    models: {
      allowed: ['sandbox/*'],
      denied: ['sandbox/lorem'],
      cost_limits: { '*': { max_tokens_per_request: 10 } },
    },
    features: ['chat_completion'],
    operations: ['write'],
    routing: { allow_auto_routing: false, allowed_providers: ['first'], force_provider: 'first' },
  },
  restrictions: {
    ip_whitelist: ['203.0.113.0/24'],
    domains: ['a.x.com'],
    referrers: ['https://a.x.com/*'],
    user_agents: ['Mine/1'],
  },
  security: {
    network_restrictions: {
      require_https: true,
      allowed_origins: ['https://a.x.com'],
      blocked_countries: ['US'],
    },
  },
};

describe('the trace', () => {
  it('has every rule, in the order of the refusals, whatever the request and the key', async () => {
    const keys = [await make(), await make(STRICT)];
    const requests = [{}, { path: '/nowhere' }, { method: 'GET', path: '/metrics' }];
    for (const { id } of keys) {
      for (const body of [...requests, { method: 'GET', path: '/v1/models' }, { ip: '192.0.2.1' }])
        expect((await simulate(id, body)).trace.map(({ rule }) => rule)).toEqual(RULES);
    }
  });

  it('says what does not restrict the key', async () => {
    const { id } = await make();
    const simulated = await simulate(id, { model: 'sandbox/echo' });
    const open = simulated.trace.filter(({ outcome }) => outcome === 'not_restricted');
    const looked = ['path', 'scope', 'route'];
    expect(open.map(({ rule }) => rule)).toEqual(RULES.filter((rule) => !looked.includes(rule)));
  });

  it.each([
    ['https', 'https', { https: true }],
    ['ip', 'ip', { ip: '203.0.113.9' }],
    ['country', 'country, or ip', { country: 'de' }],
    ['origin', 'origin', { origin: 'https://a.x.com' }],
    ['domain', 'origin', { origin: 'https://a.x.com' }],
    ['referrer', 'referrer', { referrer: 'https://a.x.com/b' }],
    ['user_agent', 'user_agent', { user_agent: 'Mine/1' }],
    ['model', 'model', { model: 'sandbox/echo' }],
    ['auto_routing', 'model', { model: 'sandbox/echo' }],
    ['feature', 'features', { features: [] }],
    ['output_tokens', 'model', { model: 'sandbox/echo', max_tokens: 10 }],
    ['route', 'model', { model: 'sandbox/echo' }],
    ['provider', 'model', { model: 'sandbox/echo' }],
  ])('of %s asks for %s, and is satisfied by it', async (rule, field, given) => {
    const { id } = await make(STRICT);
    const silent = await simulate(id);
    expect(entryOf(silent, rule)).toMatchObject({
      outcome: 'not_evaluated',
      detail: expect.stringContaining(`Give ${field} `) as string,
    });
    const said = await simulate(id, given);
    expect([silent.decision, said.decision]).toEqual(['allow', 'allow']);
    expect(entryOf(said, rule)?.outcome).toBe('allow');
  });

  it('asks for the referrer where there is no origin', async () => {
    const { id } = await make({ restrictions: { domains: ['a.x.com'] } });
    const entry = async (body: object) => entryOf(await simulate(id, body), 'domain');
    expect((await entry({ origin: null }))?.detail).toContain('Give referrer ');
    const referrer = 'https://a.x.com/b';
    expect((await entry({ referrer }))?.detail).toContain('Give origin ');
    expect((await entry({ origin: null, referrer }))?.outcome).toBe('allow');
  });

  it('asks for the number of tokens once the model is known, and where that has a limit', async () => {
    const cost_limits = { 'routed*': { max_tokens_per_request: 5 } };
    const { id } = await make({ permissions: { models: { cost_limits } } });
    const entry = async (body: object) => entryOf(await simulate(id, body), 'output_tokens');
    expect((await entry({ model: 'routed' }))?.detail).toContain('Give max_tokens');
    expect((await entry({ model: 'sandbox/echo' }))?.outcome).toBe('allow');
    expect(await entry({ model: 'routed', max_tokens: 6 })).toEqual({
      rule: 'output_tokens',
      outcome: 'deny',
      detail:
        'The key limits the output tokens of 1 model (routed*). Of “routed” it may ask for 5; the request asks for 6.',
    });
  });

  it('goes on behind the first refusal, which is the one that counts', async () => {
    const { id } = await make(STRICT);
    const simulated = await simulate(id, {
      https: false,
      ip: '::ffff:8.8.8.8',
      origin: null,
      referrer: null,
      user_agent: null,
      model: 'auto',
      features: ['vision', 'streaming'],
      max_tokens: 11,
      input_tokens: 7,
    });
    expect([simulated.status, simulated.code]).toEqual([403, 'https_required']);
    const denied = simulated.trace.filter(({ outcome }) => outcome === 'deny');
    expect(denied.map(({ rule, detail }) => [rule, detail])).toEqual([
      ['https', 'The key may be used over HTTPS only. The request comes over plain HTTP.'],
      ['ip', 'The key allows 1 network (203.0.113.0/24). The request comes from 8.8.8.8.'],
      [
        'country',
        'The key allows any country and denies 1 country (US). The request comes from US.',
      ],
      ['origin', 'The key allows 1 origin (https://a.x.com). The request has no Origin header.'],
      [
        'domain',
        'The key allows 1 domain (a.x.com). The host is looked for in Origin, else in Referer. The request has no Referer header.',
      ],
      ['referrer', 'The key allows 1 page (https://a.x.com/*). The request has no Referer header.'],
      ['user_agent', 'The key allows 1 user agent (Mine/1). The request has no User-Agent header.'],
      [
        'model',
        'The key allows 1 model (sandbox/*) and denies 1 model (sandbox/lorem). The request names “auto”.',
      ],
      [
        'auto_routing',
        'The key may not leave the choice of the model to the gateway (model auto). The request names “auto”.',
      ],
      [
        'feature',
        'The key allows 2 features (chat_completion, streaming). The request uses 3 features (chat_completion, streaming, vision).',
      ],
      [
        'output_tokens',
        'The key limits the output tokens of 1 model (*). Of “auto” it may ask for 10; the request asks for 11.',
      ],
      ['route', 'There is no route for the model “auto”.'],
    ]);
  });

  it('of a key with long lists stays short, and gives no pasted secret back', async () => {
    const models = Array.from({ length: 500 }, (_, at) => `${'m'.repeat(110)}${at}`);
    const { id, key } = await make({ permissions: { models } });
    const simulated = await simulate(id, {
      path: `/v1/models/${key}`,
      method: 'GET',
      user_agent: 'x'.repeat(1024),
    });
    const model = await simulate(id, { model: key });
    const text = JSON.stringify([simulated, model]);
    expect(text).not.toContain(key.slice(8));
    expect(text).toContain('[redacted]');
    expect(entryOf(model, 'model')?.detail).toContain('500 models (mmm');
    for (const { detail } of [...simulated.trace, ...model.trace]) {
      expect(detail.length).toBeLessThan(1500);
    }
  });
});

describe('POST /v1/keys/{id}/simulate', () => {
  it('needs no body', async () => {
    const { id } = await make();
    const answer = await ask(id);
    expect([answer.status, (answer.body as Simulated).decision]).toEqual([200, 'allow']);
  });

  it('says nothing to a caller without the scope, nor of a key that is not there', async () => {
    const { id } = await make();
    const weak = await app.keyWith({ scopes: ['keys:write', 'inference'] });
    for (const target of [id, 'key_doesnotexist']) {
      const answer = await ask(target, { model: 'x' }, weak);
      expect([answer.status, codeOf(answer)]).toEqual([403, 'insufficient_scope']);
      expect(JSON.stringify(answer.body)).not.toContain('asked about');
    }
    const unknown = await ask('key_doesnotexist', {});
    expect([unknown.status, codeOf(unknown)]).toEqual([404, 'not_found']);
  });

  it('calls no provider and counts no use', async () => {
    const { id } = await make();
    const before = upstream.received.length;
    await simulate(id, { model: 'routed' });
    expect(upstream.received.length).toBe(before);
    const { body } = await app.call('GET', `/v1/keys/${id}`);
    expect(body).toMatchObject({ last_used_at: null, version: 1 });
  });

  it.each([
    [{ method: 'FETCH' }, 'method'],
    [{ method: 'get' }, 'method'],
    [{ path: 'v1/models' }, 'path'],
    [{ path: '/v1/ü' }, 'path'],
    [{ path: '/%zz' }, 'path'],
    [{ path: '/%ff' }, 'path'],
    [{ path: `/${'a'.repeat(512)}` }, 'path'],
    [{ model: '' }, 'model'],
    [{ model: 'a'.repeat(257) }, 'model'],
    [{ model: ['a'] }, 'model'],
    [{ features: 'vision' }, 'features'],
    [{ features: ['vision', 'fly'] }, 'features[1]'],
    [{ features: ['vision', 'vision'] }, 'features'],
    [{ features: ['__proto__'] }, 'features[0]'],
    [{ ip: '203.0.113.0/24' }, 'ip'],
    [{ ip: '127.1' }, 'ip'],
    [{ ip: 7 }, 'ip'],
    [{ country: 'DEU' }, 'country'],
    [{ country: '12' }, 'country'],
    [{ origin: 5 }, 'origin'],
    [{ origin: `https://${'a'.repeat(2048)}` }, 'origin'],
    [{ referrer: 'a\nb' }, 'referrer'],
    [{ user_agent: 'a'.repeat(1025) }, 'user_agent'],
    [{ https: 'true' }, 'https'],
    [{ input_tokens: -1 }, 'input_tokens'],
    [{ input_tokens: 'many' }, 'input_tokens'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ max_tokens: 2 ** 31 }, 'max_tokens'],
    [{ consume: true }, 'consume'],
  ])('%j is a 400 that names %s', async (body, param) => {
    const { id } = await make();
    const answer = await ask(id, body);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
    expect(answer.status).toBe(400);
  });

  it.each(['method', 'path', 'model', 'features', 'ip', 'country', 'https', 'max_tokens'])(
    'takes null for %s as left out',
    async (field) => {
      const { id } = await make(STRICT);
      expect(await simulate(id, { [field]: null })).toEqual(await simulate(id));
    },
  );
});
