import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  POLICY_FIELD_NAMES,
  POLICY_FIELDS,
} from '../../../src/modules/keys/domain/policy/policy-fields.js';
import { type Call, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { type SigningKey, signedHeaders, type SignOptions } from '../../support/signer.js';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.js';

let app: TestApp;
let upstream: FakeUpstream;
beforeAll(async () => {
  app = await startTestApp({
    env: {
      LATCHKEY_TRUSTED_PROXIES: '127.0.0.1/32, ::1/128',
      LATCHKEY_COUNTRY_HEADER: 'cf-ipcountry',
    },
  });
  upstream = await startFakeUpstream();
  for (const name of ['first', 'second']) {
    const made = await app.call('POST', '/v1/providers', {
      body: { name, kind: 'openai-compatible', base_url: upstream.baseUrl, api_key: 'sk-upstream' },
    });
    const { id } = made.body as { id: string };
    const price = { input_per_million: '1', output_per_million: '1' };
    for (const model of name === 'first' ? ['routed', 'only-first'] : ['routed'])
      await app.call('POST', '/v1/routes', { body: { model, provider_id: id, price } });
  }
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

type Probe = {
  readonly headers?: Record<string, string>;
  readonly body?: object;
  readonly path?: string;
  /** How it is signed, where it is. */
  readonly signed?: SignOptions;
};
type Row = {
  /** The field's path in the canonical policy. */
  readonly field: string;
  /** As somebody would write it, with the value that is tried. */
  readonly policy: Record<string, unknown>;
  readonly passes: Probe;
  readonly fails: Probe;
  readonly code: string;
  readonly status?: number;
};

const CHAT = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };
const NETWORK = 'security.network_restrictions';
const DOMAIN = 'security.domain_restrictions';
const AUTHENTICATION = 'security.authentication';
const FROM_OFFICE = { 'x-forwarded-for': '203.0.113.7' };
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];

function network(fields: Record<string, unknown>): Record<string, unknown> {
  return { security: { network_restrictions: fields } };
}
function domain(fields: Record<string, unknown>): Record<string, unknown> {
  return { security: { domain_restrictions: fields } };
}
function routing(fields: Record<string, unknown>): Record<string, unknown> {
  return { permissions: { routing: fields } };
}

function authentication(fields: Record<string, unknown>): Record<string, unknown> {
  return { security: { authentication: { require_signature: true, ...fields } } };
}
function secondsAgo(seconds: number): number {
  return Math.floor(Date.now() / 1_000) - seconds;
}

/** Each field so that a request passes, and so that it is refused with exactly this status and code. */
const ROWS: readonly Row[] = [
  {
    field: 'permissions.models.allowed',
    policy: { permissions: { models: ['sandbox/e*'] } },
    passes: {},
    fails: { body: { ...CHAT, model: 'sandbox/lorem' } },
    code: 'model_not_allowed',
  },
  {
    field: 'permissions.models.denied',
    policy: { permissions: { models: { denied: ['*/lorem'] } } },
    passes: {},
    fails: { body: { ...CHAT, model: 'sandbox/lorem' } },
    code: 'model_not_allowed',
  },
  {
    field: 'permissions.models.cost_limits',
    policy: {
      permissions: { models: { cost_limits: { 'sandbox/*': { max_tokens_per_request: 10 } } } },
    },
    passes: { body: { ...CHAT, max_tokens: 10 } },
    fails: { body: { ...CHAT, max_completion_tokens: 11 } },
    code: 'token_limit_exceeded',
    status: 400,
  },
  {
    field: 'permissions.features.allowed',
    policy: { permissions: { features: ['chat_completion'] } },
    passes: { body: { ...CHAT, stream: true } },
    fails: { path: '/v1/embeddings', body: { model: 'sandbox/echo', input: 'hi' } },
    code: 'feature_not_allowed',
  },
  {
    field: 'permissions.features.denied',
    policy: { permissions: { features: { function_calling: false } } },
    passes: {},
    fails: { body: { ...CHAT, tools: TOOLS } },
    code: 'feature_not_allowed',
  },
  {
    field: 'permissions.operations',
    policy: { permissions: { operations: ['read'] } },
    passes: { path: 'GET /v1/models' },
    fails: {},
    code: 'operation_not_allowed',
  },
  {
    field: 'permissions.routing.allow_auto_routing',
    policy: routing({ allow_auto_routing: false }),
    passes: {},
    fails: { body: { ...CHAT, model: 'auto' } },
    code: 'model_not_allowed',
  },
  {
    field: 'permissions.routing.allowed_providers',
    policy: routing({ allowed_providers: ['second'] }),
    passes: { body: { ...CHAT, model: 'routed' } },
    fails: { body: { ...CHAT, model: 'only-first' } },
    code: 'provider_not_allowed',
  },
  {
    field: 'permissions.routing.force_provider',
    policy: routing({ force_provider: 'second' }),
    passes: { body: { ...CHAT, model: 'routed' } },
    fails: { body: { ...CHAT, model: 'only-first' } },
    code: 'provider_not_allowed',
  },
  {
    field: `${NETWORK}.ip_whitelist`,
    policy: { restrictions: { ip_whitelist: ['203.0.113.0/24', '2001:db8::/32'] } },
    passes: { headers: FROM_OFFICE },
    fails: { headers: { 'x-forwarded-for': '198.51.100.1' } },
    code: 'ip_not_allowed',
  },
  {
    field: `${NETWORK}.ip_blacklist`,
    policy: network({ ip_blacklist: ['192.0.2.0/24'] }),
    passes: { headers: FROM_OFFICE },
    fails: { headers: { 'x-forwarded-for': '192.0.2.200' } },
    code: 'ip_not_allowed',
  },
  {
    field: `${NETWORK}.require_https`,
    policy: network({ require_https: true }),
    passes: { headers: { 'x-forwarded-proto': 'https' } },
    fails: {},
    code: 'https_required',
  },
  {
    field: `${NETWORK}.allowed_countries`,
    policy: network({ allowed_countries: ['de', 'FR'] }),
    passes: { headers: { ...FROM_OFFICE, 'cf-ipcountry': 'DE' } },
    fails: { headers: { ...FROM_OFFICE, 'cf-ipcountry': 'XX' } },
    code: 'country_not_allowed',
  },
  {
    field: `${NETWORK}.blocked_countries`,
    policy: network({ blocked_countries: ['US'] }),
    passes: { headers: FROM_OFFICE },
    // Known from the database that is shipped.
    fails: { headers: { 'x-forwarded-for': '8.8.8.8' } },
    code: 'country_not_allowed',
  },
  {
    field: `${NETWORK}.allowed_origins`,
    policy: network({ allowed_origins: ['https://*.company.com'] }),
    passes: { headers: { origin: 'https://app.company.com' } },
    fails: { headers: { origin: 'https://company.com' } },
    code: 'origin_not_allowed',
  },
  {
    field: `${DOMAIN}.allowed_domains`,
    policy: { restrictions: { domains: ['app.company.com'] } },
    passes: { headers: { referer: 'https://app.company.com/page' } },
    fails: { headers: { origin: 'https://app.company.com.evil.com' } },
    code: 'origin_not_allowed',
  },
  {
    field: `${DOMAIN}.allowed_referrers`,
    policy: { restrictions: { referrers: ['https://app.company.com/docs/*'] } },
    passes: { headers: { referer: 'https://app.company.com/docs/a?b' } },
    fails: { headers: { referer: 'https://app.company.com/docs/../admin' } },
    code: 'referrer_not_allowed',
  },
  {
    field: `${DOMAIN}.user_agents`,
    policy: {
      restrictions: { user_agents: ['Mine/1.0'] },
      ...domain({ user_agent_pattern: String.raw`^YourApp/\d+\.\d+` }),
    },
    passes: { headers: { 'user-agent': 'YourApp/2.1 (x)' } },
    fails: { headers: { 'user-agent': 'Mine/1.0 NotYourApp/2' } },
    code: 'user_agent_not_allowed',
  },
  {
    field: `${AUTHENTICATION}.require_signature`,
    policy: authentication({}),
    passes: { signed: {} },
    fails: {},
    code: 'signature_required',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.signature_algorithm`,
    policy: authentication({ signature_algorithm: 'hmac-sha256' }),
    passes: { signed: {} },
    fails: { signed: { alg: 'hmac-sha512' } },
    code: 'signature_invalid',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.require_timestamp`,
    policy: authentication({ require_timestamp: true }),
    passes: { signed: {} },
    fails: { signed: { created: null } },
    code: 'signature_invalid',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.max_timestamp_age`,
    policy: authentication({ max_timestamp_age: 120 }),
    passes: { signed: { created: secondsAgo(60) } },
    fails: { signed: { created: secondsAgo(300) } },
    code: 'timestamp_out_of_range',
    status: 401,
  },
  {
    field: `${AUTHENTICATION}.require_nonce`,
    policy: authentication({ require_nonce: true }),
    passes: { signed: {} },
    fails: { signed: { nonce: null } },
    code: 'signature_invalid',
    status: 401,
  },
];

/** Nothing can be asked of it yet: there is no second attempt at another provider. */
const WITHOUT_ROW = ['permissions.routing.fallback_allowed'];

async function probe(
  key: string | SigningKey,
  { headers, body = CHAT, path, signed }: Probe,
): Promise<[number, string | undefined]> {
  const [method, given] = path?.startsWith('GET ') ? ['GET', path.slice(4)] : ['POST', path];
  const target = given ?? '/v1/chat/completions';
  const secret = typeof key === 'string' ? key : key.key;
  const call: Call = { key: secret, headers: headers ?? {}, ...(method === 'POST' && { body }) };
  const answer = await app.call(method, target, {
    ...call,
    ...(signed &&
      typeof key !== 'string' && {
        headers: signedHeaders(
          key,
          { method, url: app.origin + target, body: JSON.stringify(body) },
          signed,
        ),
      }),
  });
  return [answer.status, codeOf(answer)];
}

describe('each field of the policy is enforced', () => {
  it.each(ROWS)('$field', async ({ policy, passes, fails, code, status = 403 }) => {
    const made = await app.call('POST', '/v1/keys', {
      body: { name: 'probed', ...policy, scopes: ['inference', 'models:read'] },
    });
    const key = made.body as SigningKey;
    expect(await probe(key, passes)).toEqual([200, undefined]);
    expect(await probe(key, fails)).toEqual([status, code]);
  });

  it('no field is without a row', () => {
    const paths = POLICY_FIELD_NAMES.map((name) => POLICY_FIELDS[name].path);
    const tried = [...ROWS.map(({ field }) => field), ...WITHOUT_ROW];
    expect(tried.toSorted()).toEqual(paths.toSorted());
  });

  it.each(ROWS.filter(({ field }) => /origin|domain|referrer|user_agent/.test(field)))(
    'a request without the header is refused: $field',
    async ({ policy, code }) => {
      const key = await app.keyWith(policy);
      // fetch says a user agent of its own where none is given.
      expect(await probe(key, {})).toEqual([403, code]);
    },
  );
});

describe('a key whose models are restricted', () => {
  it.each([
    [{ models: ['sandbox/echo', 'sandbox/lorem'] }, 403, 'model_not_allowed'],
    [{ models: ['sandbox/echo'] }, 200, undefined],
    [{ models: 'sandbox/lorem' }, 400, 'invalid_request'],
    [{ Models: ['sandbox/lorem'] }, 400, 'invalid_request'],
  ])('can’t have another taken instead: %j', async (fields, status, code) => {
    const key = await app.keyWith({ permissions: { models: ['sandbox/echo'] } });
    expect(await probe(key, { body: { ...CHAT, ...fields } })).toEqual([status, code]);
  });
});

describe('a key with a limit of output tokens', () => {
  it('gives it to requests that name none, at the sandbox and at a provider', async () => {
    const cost_limits = {
      '*': { max_tokens_per_request: 3 },
      routed: { max_tokens_per_request: 2 },
    };
    const key = await app.keyWith({ permissions: { models: { cost_limits } } });
    const body = { ...CHAT, messages: [{ role: 'user', content: 'one two three four five six' }] };
    const answer = await app.call('POST', '/v1/chat/completions', { key, body });
    expect(answer.body).toMatchObject({ usage: { completion_tokens: 3 } });
    await app.call('POST', '/v1/chat/completions', { key, body: { ...body, model: 'routed' } });
    expect(JSON.parse(upstream.received.at(-1)?.body ?? '')).toMatchObject({ max_tokens: 2 });
  });
});

describe('every spelling', () => {
  it('of the examples that are known becomes the one canonical policy', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: {
        name: 'spelled',
        permissions: {
          models: ['gpt-4-turbo-preview'],
          features: ['chat_completion', 'embeddings'],
          advanced_features: { custom_presets: true, batch_processing: false },
          operations: ['read', 'write'],
          routing: {
            allow_auto_routing: true,
            allowed_providers: ['openai'],
            force_provider: null,
          },
        },
        restrictions: {
          ip_whitelist: ['203.0.113.9/24'],
          domains: ['*.Company.com'],
          user_agents: ['YourApp/1.0'],
        },
        security: {
          network_restrictions: { ip_whitelist: ['203.0.113.0/24'], blocked_countries: ['xx'] },
          domain_restrictions: { user_agent_pattern: '^YourApp/' },
        },
      },
    });
    expect(made.status).toBe(201);
    const { id, policy } = made.body as { id: string; policy: object };
    expect(policy).toMatchObject({
      permissions: {
        models: { allowed: ['gpt-4-turbo-preview'], denied: [], cost_limits: {} },
        features: {
          allowed: ['chat_completion', 'embeddings', 'streaming', 'custom_presets'],
          denied: ['batch_processing'],
        },
        operations: ['read', 'write'],
        routing: { allow_auto_routing: true, allowed_providers: ['openai'], force_provider: null },
      },
      security: {
        network_restrictions: {
          ip_whitelist: ['203.0.113.0/24'],
          blocked_countries: ['XX'],
          require_https: false,
        },
        domain_restrictions: {
          allowed_domains: ['*.company.com'],
          user_agents: { names: ['YourApp/1.0'], patterns: ['^YourApp/'] },
        },
      },
    });
    const answered = await app.call('GET', `/v1/keys/${id}/policy`);
    expect(answered.body).toMatchObject({
      key_id: id,
      version: 1,
      policy,
      sources: {
        'permissions.models.allowed': ['key'],
        'permissions.models.denied': ['default'],
        'security.network_restrictions.ip_whitelist': ['key'],
      },
    });
    const again = await app.call('POST', '/v1/keys', { body: { name: 'again', ...policy } });
    expect((again.body as { policy: object }).policy).toEqual(policy);
  });

  it.each([
    [{ permissions: { modles: [] } }, 'permissions.modles'],
    [{ permissions: { models: [] } }, 'permissions.models'],
    [{ permissions: { models: { allowed: ['a', 5] } } }, 'permissions.models.allowed[1]'],
    [{ permissions: { models: { allowed: ['a'], all: true } } }, 'permissions.models.all'],
    [{ permissions: { all_models: true, models: ['a'] } }, 'permissions.all_models'],
    [{ permissions: { all_models: 'yes' } }, 'permissions.all_models'],
    [{ permissions: { features: ['fly'] } }, 'permissions.features[0]'],
    [{ permissions: { features: { fly: true } } }, 'permissions.features.fly'],
    [{ permissions: { features: { vision: 'no' } } }, 'permissions.features.vision'],
    [
      { permissions: { features: { vision: true }, advanced_features: { vision: false } } },
      'permissions.features.vision',
    ],
    [{ permissions: { operations: ['delete'] } }, 'permissions.operations[0]'],
    [{ permissions: { operations: [] } }, 'permissions.operations'],
    [{ permissions: { routing: { force_provider: 5 } } }, 'permissions.routing.force_provider'],
    [
      { permissions: { models: { cost_limits: { a: { max_tokens_per_request: 0 } } } } },
      'permissions.models.cost_limits.a.max_tokens_per_request',
    ],
    [
      { permissions: { models: { cost_limits: { a: { max_requests_per_day: 5 } } } } },
      'permissions.models.cost_limits.a.max_requests_per_day',
    ],
    [{ permissions: 'all' }, 'permissions'],
    [{ restrictions: { ip_whitelist: ['300.1.1.1'] } }, 'restrictions.ip_whitelist[0]'],
    [
      {
        restrictions: { ip_whitelist: ['10.0.0.0/8'] },
        security: { network_restrictions: { ip_whitelist: ['11.0.0.0/8'] } },
      },
      'security.network_restrictions.ip_whitelist',
    ],
    [
      { security: { network_restrictions: { blocked_countries: ['GER'] } } },
      'security.network_restrictions.blocked_countries[0]',
    ],
    [
      { security: { network_restrictions: { require_https: 'true' } } },
      'security.network_restrictions.require_https',
    ],
    [
      { security: { domain_restrictions: { user_agent_pattern: '(a)\\1' } } },
      'security.domain_restrictions.user_agent_pattern',
    ],
    [{ security: { network: {} } }, 'security.network'],
    [authentication({ algorithm: 'x' }), 'security.authentication.algorithm'],
    [
      authentication({ signature_algorithm: 'RSA-SHA256' }),
      'security.authentication.signature_algorithm',
    ],
    [authentication({ max_timestamp_age: 0 }), 'security.authentication.max_timestamp_age'],
    [authentication({ max_timestamp_age: 3601 }), 'security.authentication.max_timestamp_age'],
    [authentication({ max_timestamp_age: '300' }), 'security.authentication.max_timestamp_age'],
    [authentication({ require_nonce: 'yes' }), 'security.authentication.require_nonce'],
    [
      { security: { authentication: { require_nonce: true } } },
      'security.authentication.require_nonce',
    ],
  ])('%j is refused and names %s', async (fields, param) => {
    const answer = await app.call('POST', '/v1/keys', { body: { name: 'a', ...fields } });
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
    expect(answer.status).toBe(400);
  });
});

describe('GET /schemas/key-policy.json', () => {
  it('needs no key, takes every spelling and the canonical answer, and no other field', async () => {
    const { status, body } = await app.call('GET', '/schemas/key-policy.json', { key: null });
    expect(status).toBe(200);
    const validate = new Ajv2020({ strict: false }).compile(body as object);
    for (const { field, policy } of ROWS) {
      expect([field, validate(policy)]).toEqual([field, true]);
      const made = await app.call('POST', '/v1/keys', { body: { name: 'x', ...policy } });
      expect([field, validate((made.body as { policy: unknown }).policy)]).toEqual([field, true]);
    }
    for (const wrong of [
      { permissions: { modles: [] } },
      { permissions: { models: [] } },
      { permissions: { features: { fly: true } } },
      { restrictions: { user_agents: {} } },
      { security: { network_restrictions: { require_https: 'true' } } },
    ]) {
      expect([wrong, validate(wrong)]).toEqual([wrong, false]);
    }
  });
});
