import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { childOf } from '../../../../../test/support/policies.js';
import { anyInput } from '../../../../../test/support/policy-arbitraries.js';
import { anyRequests, expectPolicyWithin } from '../../../../../test/support/policy-requests.js';
import type { KeyPolicy } from './key-policy.js';
import { UNRESTRICTED_POLICY } from './policy-fields.js';
import { assertPolicyWithin, policyWithin } from './policy-within.js';
import { type PolicyInput, readPolicy } from './read-policy.js';

/**
 * @param make a child's policy, of its creator's
 * @returns how many requests a child was allowed
 * @throws when a child may do what its creator may not
 */
function assertMonotone(make: typeof childOf, numRuns: number): number {
  let allowed = 0;
  fc.assert(
    fc.property(anyInput, anyInput, anyRequests, (ofCreator, ofChild, place) => {
      const creatorPolicy = childOf(UNRESTRICTED_POLICY, ofCreator);
      const policy = creatorPolicy && make(creatorPolicy, ofChild);
      fc.pre(policy !== null);
      allowed += expectPolicyWithin(creatorPolicy as KeyPolicy, policy, place);
    }),
    { numRuns, maxSkipsPerRun: 100 },
  );
  return allowed;
}

describe('a child’s policy', () => {
  it('allows nothing that its creator’s does not', () => {
    const allowed = assertMonotone(childOf, 2_000);
    // Else the property would hold because nothing ever passed.
    expect(allowed).toBeGreaterThan(10_000);
  }, 120_000);

  it('is seen to allow more where a bug lets “absent” mean “everything”', () => {
    const buggy: typeof childOf = (_, input) => childOf(UNRESTRICTED_POLICY, input);
    expect(() => assertMonotone(buggy, 200)).toThrow('Property failed');
  }, 120_000);

  it('is the creator’s where nothing is asked for, whatever absent is called', () => {
    fc.assert(
      fc.property(anyInput, fc.constantFrom(undefined, null), (ofCreator, absent) => {
        const creator = childOf(UNRESTRICTED_POLICY, ofCreator);
        if (!creator) return;
        const nothing = {
          permissions: { models: absent, features: absent, routing: { force_provider: absent } },
          restrictions: absent,
          rate_limits: { requests: absent, tokens: { min_output: absent }, costs: absent },
          security: { network_restrictions: absent },
        };
        // Rights over data are nobody’s who was not given them.
        const withheld = { exportsData: false, deletesData: false };
        expect(childOf(creator, nothing)).toEqual({ ...creator, ...withheld });
      }),
    );
  });
});

describe('asking for more than the creator has', () => {
  const creator = childOf(UNRESTRICTED_POLICY, {
    permissions: {
      models: {
        allowed: ['gpt-*'],
        denied: ['gpt-5'],
        cost_limits: {
          'gpt-4': { max_tokens_per_request: 10, max_requests_per_day: 10, max_cost_per_day: 1 },
        },
      },
      features: { allowed: ['chat_completion'], denied: ['vision'] },
      operations: ['read'],
      routing: {
        allow_auto_routing: false,
        allowed_providers: ['openai'],
        force_provider: 'openai',
      },
      data_access: { log_requests: false, log_responses: false },
    },
    rate_limits: {
      requests: { per_second: 10, per_minute: 100, per_hour: 1_000, per_day: 10_000 },
      tokens: { input_per_minute: 1, output_per_minute: 1, total_per_day: 1, min_output: 100 },
      costs: { per_request_max: 1, per_hour_max: 10, per_day_max: 100, per_month_max: '1000' },
      concurrency: { max_parallel_requests: 5 },
    },
    security: {
      authentication: { require_signature: true },
      network_restrictions: {
        ip_whitelist: ['10.0.0.0/8'],
        require_https: true,
        allowed_origins: ['https://*.x.com'],
        allowed_countries: ['DE'],
      },
      domain_restrictions: {
        allowed_domains: ['*.x.com'],
        allowed_referrers: ['https://a.x.com/*'],
        user_agents: { names: ['A'], patterns: ['^B/'] },
      },
    },
  });

  function modelLimit(name: string, value: number): [PolicyInput, string] {
    const cost_limits = { 'gpt-4': { [name]: value } };
    return [
      { permissions: { models: { cost_limits } } },
      `permissions.models.cost_limits.gpt-4.${name}`,
    ];
  }
  function rateLimit(group: string, name: string, value: unknown): [PolicyInput, string] {
    return [{ rate_limits: { [group]: { [name]: value } } }, `rate_limits.${group}.${name}`];
  }

  it.each<[PolicyInput, string]>([
    [{ permissions: { models: ['*'] } }, 'permissions.models'],
    [{ permissions: { all_models: true } }, 'permissions.all_models'],
    modelLimit('max_tokens_per_request', 11),
    modelLimit('max_requests_per_day', 11),
    modelLimit('max_cost_per_day', 1.01),
    rateLimit('requests', 'per_second', 11),
    // As many as the limit per second, where the creator does not say how many.
    rateLimit('requests', 'burst_size', 11),
    rateLimit('requests', 'per_minute', 101),
    rateLimit('requests', 'per_hour', 1_001),
    rateLimit('requests', 'per_day', 10_001),
    rateLimit('tokens', 'input_per_minute', 2),
    rateLimit('tokens', 'output_per_minute', 2),
    rateLimit('tokens', 'total_per_day', 2),
    rateLimit('tokens', 'min_output', 99),
    rateLimit('costs', 'per_request_max', '1.000000001'),
    rateLimit('costs', 'per_hour_max', 11),
    rateLimit('costs', 'per_day_max', 101),
    rateLimit('costs', 'per_month_max', 1_001),
    rateLimit('concurrency', 'max_parallel_requests', 6),
    // None, where the creator has none.
    rateLimit('concurrency', 'max_queued_requests', 1),
    [{ permissions: { max_requests_per_minute: 101 } }, 'permissions.max_requests_per_minute'],
    [{ permissions: { max_requests_per_day: 10_001 } }, 'permissions.max_requests_per_day'],
    [{ permissions: { max_cost_per_day: 100.5 } }, 'permissions.max_cost_per_day'],
    [{ permissions: { features: ['embeddings'] } }, 'permissions.features'],
    [{ permissions: { features: { embeddings: true } } }, 'permissions.features.embeddings'],
    [{ permissions: { features: { vision: true } } }, 'permissions.features.vision'],
    [{ permissions: { all_features: true } }, 'permissions.all_features'],
    [{ permissions: { operations: ['read', 'write'] } }, 'permissions.operations'],
    ...['log_requests', 'log_responses', 'export_data', 'delete_data'].flatMap(
      (name): [PolicyInput, string][] => [
        [{ permissions: { data_access: { [name]: true } } }, `permissions.data_access.${name}`],
        [{ permissions: { [name]: true } }, `permissions.${name}`],
      ],
    ),
    [
      { permissions: { routing: { allow_auto_routing: true } } },
      'permissions.routing.allow_auto_routing',
    ],
    [
      { permissions: { routing: { allowed_providers: ['openai', 'groq'] } } },
      'permissions.routing.allowed_providers',
    ],
    [
      { permissions: { routing: { force_provider: 'groq' } } },
      'permissions.routing.force_provider',
    ],
    [{ restrictions: { ip_whitelist: ['0.0.0.0/0'] } }, 'restrictions.ip_whitelist'],
    [{ restrictions: { ip_whitelist: ['10.0.0.0/7'] } }, 'restrictions.ip_whitelist'],
    [
      { security: { network_restrictions: { require_https: false } } },
      'security.network_restrictions.require_https',
    ],
    [
      { security: { network_restrictions: { allowed_origins: ['https://x.com'] } } },
      'security.network_restrictions.allowed_origins',
    ],
    [
      { security: { network_restrictions: { allowed_countries: ['DE', 'US'] } } },
      'security.network_restrictions.allowed_countries',
    ],
    [{ restrictions: { domains: ['x.com'] } }, 'restrictions.domains'],
    [{ restrictions: { referrers: ['https://b.x.com/*'] } }, 'restrictions.referrers'],
    [{ restrictions: { user_agents: ['C'] } }, 'restrictions.user_agents'],
    [
      { security: { domain_restrictions: { user_agent_pattern: '^B' } } },
      'security.domain_restrictions.user_agent_pattern',
    ],
    [
      { security: { authentication: { require_signature: false } } },
      'security.authentication.require_signature',
    ],
    [
      { security: { authentication: { require_timestamp: false } } },
      'security.authentication.require_timestamp',
    ],
    [
      { security: { authentication: { max_timestamp_age: 301 } } },
      'security.authentication.max_timestamp_age',
    ],
    [
      { security: { authentication: { require_nonce: false } } },
      'security.authentication.require_nonce',
    ],
  ])('%j is refused and named', (input, param) => {
    const ask = (): unknown => policyWithin(creator as KeyPolicy, readPolicy(input));
    expect(ask).toThrow(expect.objectContaining({ code: 'escalation_denied', param }) as Error);
  });

  it('what is refused only adds up', () => {
    const policy = childOf(creator as KeyPolicy, {
      permissions: { models: { denied: ['gpt-6'] }, features: { streaming: false } },
    });
    expect(policy).toMatchObject({
      allowedModels: ['gpt-*'],
      deniedModels: ['gpt-5', 'gpt-6'],
      deniedFeatures: ['vision', 'streaming'],
    });
  });
});

describe('what is said of signatures', () => {
  const auth = (fields: Record<string, unknown>): PolicyInput => ({
    security: { authentication: fields },
  });
  const changed = (before: KeyPolicy, input: PolicyInput): KeyPolicy =>
    policyWithin(UNRESTRICTED_POLICY, readPolicy(input), { policy: before, sources: {} }).policy;
  const NOTHING = {
    requiresSignature: false,
    signatureAlgorithm: null,
    requiresTimestamp: false,
    maxTimestampAge: null,
    requiresNonce: false,
  };
  const STRICT = {
    requiresSignature: true,
    signatureAlgorithm: 'HMAC-SHA256',
    requiresTimestamp: true,
    maxTimestampAge: 300,
    requiresNonce: true,
  };
  const STRICT_POLICY = { ...UNRESTRICTED_POLICY, ...STRICT } as KeyPolicy;

  it.each([
    [{ require_signature: true }, STRICT],
    [{ require_signature: true, require_timestamp: null, require_nonce: null }, STRICT],
    [
      { require_signature: true, signature_algorithm: 'hmac-sha256', max_timestamp_age: 60 },
      { ...STRICT, maxTimestampAge: 60 },
    ],
    [
      { require_signature: true, require_timestamp: false, require_nonce: false },
      { ...STRICT, requiresTimestamp: false, maxTimestampAge: null, requiresNonce: false },
    ],
    [{ require_signature: false, require_timestamp: false, max_timestamp_age: null }, NOTHING],
  ])('%j becomes a whole', (fields, whole) => {
    expect(childOf(UNRESTRICTED_POLICY, auth(fields))).toMatchObject(whole);
  });

  it.each([
    [{ require_timestamp: true }, 'require_timestamp'],
    [{ require_signature: false, require_nonce: true }, 'require_nonce'],
    [{ max_timestamp_age: 60 }, 'max_timestamp_age'],
    [{ signature_algorithm: 'HMAC-SHA256' }, 'signature_algorithm'],
    [
      { require_signature: true, require_timestamp: false, max_timestamp_age: 60 },
      'max_timestamp_age',
    ],
  ])('%j contradicts itself at %s', (fields, name) => {
    const param = `security.authentication.${name}`;
    expect(() => policyWithin(UNRESTRICTED_POLICY, readPolicy(auth(fields)))).toThrow(
      expect.objectContaining({ code: 'invalid_request', param }) as Error,
    );
  });

  it.each([
    [UNRESTRICTED_POLICY, { require_signature: true }, STRICT],
    [STRICT_POLICY, { require_signature: false }, NOTHING],
    [STRICT_POLICY, null, NOTHING],
    [STRICT_POLICY, { max_timestamp_age: 60 }, { ...STRICT, maxTimestampAge: 60 }],
    [STRICT_POLICY, { require_nonce: false }, { ...STRICT, requiresNonce: false }],
    [
      STRICT_POLICY,
      { require_timestamp: false },
      { ...STRICT, requiresTimestamp: false, maxTimestampAge: null },
    ],
    [STRICT_POLICY, { require_nonce: null, max_timestamp_age: null }, STRICT],
  ])('a change leaves a whole, case %#', (before, fields, after) => {
    const input = { security: { authentication: fields } };
    expect(changed(before, input)).toMatchObject(after);
  });

  it('comes back by what is asked when it was asked for without a time', () => {
    const untimed = { ...STRICT_POLICY, requiresTimestamp: false, maxTimestampAge: null };
    expect(changed(untimed, auth({ require_timestamp: true }))).toMatchObject(STRICT);
    // And a child of such a key has what its creator has.
    expect(childOf(untimed, auth({ require_signature: true }))).toMatchObject({
      requiresTimestamp: false,
      requiresNonce: true,
    });
  });
});

describe('access to data', () => {
  const NOTHING_SAID = { logsRequests: null, logsResponses: null };
  const NO_RIGHTS = { exportsData: false, deletesData: false };
  const open = UNRESTRICTED_POLICY;
  const access = (fields: Record<string, unknown> | null): PolicyInput => ({
    permissions: { data_access: fields },
  });

  it.each<[string, PolicyInput, Partial<KeyPolicy>]>([
    ['is none where nobody asks for it', {}, { ...NOTHING_SAID, ...NO_RIGHTS }],
    ['is none where null asks for it', access(null), { ...NOTHING_SAID, ...NO_RIGHTS }],
    [
      'is what is asked for',
      access({ log_requests: true, log_responses: false, export_data: true, delete_data: true }),
      { logsRequests: true, logsResponses: false, exportsData: true, deletesData: true },
    ],
    [
      'is asked for in the short spelling as well',
      { permissions: { log_requests: true, export_data: true } },
      { logsRequests: true, logsResponses: null, exportsData: true, deletesData: false },
    ],
  ])('%s', (_, input, expected) => {
    expect(childOf(open, input)).toMatchObject(expected);
  });

  it('is what the creator says of bodies, but of rights only what is asked for', () => {
    const creator = childOf(open, access({ log_requests: true, export_data: true })) as KeyPolicy;
    const inherited = { logsRequests: true, logsResponses: null, ...NO_RIGHTS };
    expect(childOf(creator, {})).toMatchObject(inherited);
    expect(childOf(creator, access({ log_requests: false, export_data: true }))).toMatchObject({
      logsRequests: false,
      exportsData: true,
      deletesData: false,
    });
  });

  it('stays in a change that does not name it, and null takes a right away', () => {
    const before = childOf(open, access({ log_requests: true, export_data: true })) as KeyPolicy;
    const change = (input: PolicyInput): KeyPolicy =>
      policyWithin(open, readPolicy(input), { policy: before, sources: {} }).policy;
    expect(change({})).toEqual(before);
    expect(change(access({ export_data: null }))).toEqual({ ...before, exportsData: false });
    expect(change(access({ log_requests: null }))).toEqual({ ...before, logsRequests: null });
  });

  it('of a key that has less does not cover a key that has more', () => {
    const none = childOf(open, {}) as KeyPolicy;
    const all = childOf(open, access({ log_requests: true, export_data: true })) as KeyPolicy;
    const silent = childOf(open, access({ log_requests: false })) as KeyPolicy;
    expect(() => assertPolicyWithin(none, all)).toThrow('export_data');
    expect(() => assertPolicyWithin(silent, none)).toThrow('log_requests');
    expect(() => assertPolicyWithin(all, none)).not.toThrow();
    expect(() => assertPolicyWithin(none, silent)).not.toThrow();
  });
});
