import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  POLICY_FIELD_NAMES,
  POLICY_FIELDS,
} from '../../../src/modules/keys/domain/policy/policy-fields.js';
import type { TestApp } from '../../support/app.js';
import type { FakeUpstream } from '../../support/fake-upstream.js';
import type { SigningKey } from '../../support/signer.js';
import {
  authentication,
  CHAT,
  LIMIT_ROWS,
  LIMITS_ARE_ENFORCED,
  DATA_ROWS,
  POLICY_ROWS,
  type PolicyRow,
  probe,
  SIGNING_ROWS,
  startWithProviders,
} from './policy-rows.harness.js';

const ROWS = [...POLICY_ROWS, ...DATA_ROWS, ...SIGNING_ROWS, ...LIMIT_ROWS];

let app: TestApp;
let upstream: FakeUpstream;
beforeAll(async () => {
  ({ app, upstream } = await startWithProviders());
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});

const WITHOUT_ROW = [
  // Nothing can be asked of it yet: there is no second attempt at another provider.
  'permissions.routing.fallback_allowed',
  // It refuses nothing.
  'rate_limits.costs.alert_threshold',
  // Nor do these: `test/api/requests/bodies` and `test/api/audit` look at what is kept.
  'security.audit.log_all_requests',
  'security.audit.log_failures',
  'security.audit.alert_on_suspicious',
  'security.audit.retention_days',
  // approvals.api-spec.ts
  'permissions.require_approval',
  'permissions.data_access.log_requests',
  'permissions.data_access.log_responses',
];

async function expectEnforced(row: PolicyRow): Promise<void> {
  const { policy, passes, fails, code, status = 403 } = row;
  const made = await app.call('POST', '/v1/keys', {
    body: { name: 'probed', ...policy, scopes: ['inference', 'models:read', 'usage:read'] },
  });
  const key = made.body as SigningKey;
  expect(await probe(app, key, passes)).toEqual([200, undefined]);
  expect(await probe(app, key, fails)).toEqual([status, code]);
}

describe('each field of the policy is enforced', () => {
  it.each([...POLICY_ROWS, ...DATA_ROWS, ...SIGNING_ROWS])('$field', expectEnforced);

  describe.skipIf(!LIMITS_ARE_ENFORCED)('and each limit', () => {
    it.each(LIMIT_ROWS)('$field: $policy', expectEnforced);
  });

  it('no field is without a row', () => {
    const paths = POLICY_FIELD_NAMES.map((name) => POLICY_FIELDS[name].path);
    const tried = new Set([...ROWS.map(({ field }) => field), ...WITHOUT_ROW]);
    expect([...tried].toSorted()).toEqual(paths.toSorted());
  });

  it.each(POLICY_ROWS.filter(({ field }) => /origin|domain|referrer|user_agent/.test(field)))(
    'a request without the header is refused: $field',
    async ({ policy, code }) => {
      const key = await app.keyWith(policy);
      // fetch says a user agent of its own where none is given.
      expect(await probe(app, key, {})).toEqual([403, code]);
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
    expect(await probe(app, key, { body: { ...CHAT, ...fields } })).toEqual([status, code]);
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

/** All that is known to be written there. */
const RATE_LIMITS = {
  requests: { per_second: 10, per_minute: 100, per_hour: 1000, per_day: 10000, burst_size: 20 },
  tokens: { input_per_minute: 100000, output_per_minute: 50000, total_per_day: 10000000 },
  costs: {
    per_request_max: 1.0,
    per_hour_max: 10.0,
    per_day_max: 100.0,
    per_month_max: 1000.0,
    alert_threshold: 0.8,
  },
  concurrency: { max_parallel_requests: 5, max_queued_requests: 20 },
};

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

  it('of a number that is none at all is refused by name', async () => {
    const body = '{"name": "a", "rate_limits": {"costs": {"per_day_max": 1e309}}}';
    const answer = await app.call('POST', '/v1/keys', { body });
    const param = 'rate_limits.costs.per_day_max';
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  it('of the limits becomes the one canonical policy, which can be sent back', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: {
        name: 'limited',
        permissions: {
          models: {
            cost_limits: {
              'gpt-4-turbo-preview': {
                max_requests_per_day: 100,
                max_tokens_per_request: 4000,
                max_cost_per_day: 10.0,
              },
            },
          },
          max_requests_per_minute: 100,
          max_requests_per_day: 10000,
          max_cost_per_day: '100.00',
        },
        rate_limits: RATE_LIMITS,
      },
    });
    expect(made.status).toBe(201);
    const { id, policy } = made.body as { id: string; policy: Record<string, object> };
    expect(policy.rate_limits).toEqual({
      ...RATE_LIMITS,
      tokens: { ...RATE_LIMITS.tokens, min_output: null },
    });
    expect(policy).toMatchObject({
      permissions: {
        models: {
          cost_limits: {
            'gpt-4-turbo-preview': {
              max_requests_per_day: 100,
              max_tokens_per_request: 4000,
              max_cost_per_day: 10,
            },
          },
        },
      },
    });
    // The short spellings are not answered.
    expect(policy.permissions).not.toHaveProperty('max_cost_per_day');
    const read = await app.call('GET', `/v1/keys/${id}/policy`);
    expect(read.body).toMatchObject({
      policy,
      sources: {
        'rate_limits.requests.per_minute': ['key'],
        'rate_limits.tokens.min_output': ['default'],
        'rate_limits.costs.per_month_max': ['key'],
      },
    });
    const again = await app.call('POST', '/v1/keys', { body: { name: 'again', ...policy } });
    expect((again.body as { policy: object }).policy).toEqual(policy);
  });

  it('of a limit can be changed, and is lifted by null', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: { name: 'changed', rate_limits: RATE_LIMITS },
    });
    const { id } = made.body as { id: string };
    const change = async (body: object): Promise<unknown> => {
      const answer = await app.call('PATCH', `/v1/keys/${id}`, { body });
      expect(answer.status).toBe(200);
      return (answer.body as { policy: { rate_limits: unknown } }).policy.rate_limits;
    };
    const { requests, tokens, costs, concurrency } = RATE_LIMITS;
    const kept = { tokens: { ...tokens, min_output: null }, concurrency };
    expect(await change({ permissions: { max_requests_per_day: 5000 } })).toEqual({
      ...kept,
      requests: { ...requests, per_day: 5000 },
      costs,
    });
    const lifted = { requests: { per_second: null }, costs: null };
    expect(await change({ rate_limits: lifted })).toEqual({
      ...kept,
      requests: { ...requests, per_day: 5000, per_second: null, burst_size: null },
      costs: {
        per_request_max: null,
        per_hour_max: null,
        per_day_max: null,
        per_month_max: null,
        alert_threshold: null,
      },
    });
  });

  it('of a limit above its creator’s is refused to a child, which has the creator’s unless said', async () => {
    const manager = await app.keyWith({ access_level: 'management', rate_limits: RATE_LIMITS });
    const ask = (rate_limits: object): ReturnType<TestApp['call']> =>
      app.call('POST', '/v1/keys', { key: manager, body: { name: 'child', rate_limits } });
    const refused = await ask({ costs: { per_day_max: 100.01 } });
    const param = 'rate_limits.costs.per_day_max';
    expect(refused.body).toMatchObject({ error: { code: 'escalation_denied', param } });
    const child = await ask({ costs: { per_day_max: '99.5' } });
    expect(child.body).toMatchObject({
      policy: {
        rate_limits: { ...RATE_LIMITS, costs: { ...RATE_LIMITS.costs, per_day_max: 99.5 } },
      },
    });
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
    [{ permissions: { data_access: { log: true } } }, 'permissions.data_access.log'],
    [
      { permissions: { data_access: { export_data: 'yes' } } },
      'permissions.data_access.export_data',
    ],
    [
      { permissions: { log_requests: true, data_access: { log_requests: false } } },
      'permissions.data_access.log_requests',
    ],
    [{ permissions: { operations: [] } }, 'permissions.operations'],
    [{ permissions: { routing: { force_provider: 5 } } }, 'permissions.routing.force_provider'],
    [
      { permissions: { models: { cost_limits: { a: { max_tokens_per_request: 0 } } } } },
      'permissions.models.cost_limits.a.max_tokens_per_request',
    ],
    [
      { permissions: { models: { cost_limits: { a: { max_requests_per_week: 5 } } } } },
      'permissions.models.cost_limits.a.max_requests_per_week',
    ],
    [{ permissions: { models: { cost_limits: { a: {} } } } }, 'permissions.models.cost_limits.a'],
    [{ rate_limits: { requests: { burst_size: 5 } } }, 'rate_limits.requests.burst_size'],
    [
      {
        permissions: { max_requests_per_day: 5 },
        rate_limits: { requests: { per_day: 6 } },
      },
      'rate_limits.requests.per_day',
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
      { permissions: { models: { cost_limits: { a: {} } } } },
      { rate_limits: { requests: { per_day: 0 } } },
      { rate_limits: { costs: { per_day_max: '-1' } } },
      { rate_limits: { costs: { alert_threshold: 0 } } },
      { security: { network_restrictions: { require_https: 'true' } } },
    ]) {
      expect([wrong, validate(wrong)]).toEqual([wrong, false]);
    }
  });
});
