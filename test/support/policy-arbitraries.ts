import fc from 'fast-check';

import { FEATURES, featureMask, type FeatureMask } from '../../src/modules/keys/domain/features.js';
import type { PolicyInput } from '../../src/modules/keys/domain/policy/read-policy.js';
import type { RequestFacts } from '../../src/modules/keys/domain/request-facts.js';

/** Few values, so that what a creator, a child and a request name often meet. */
export const MODELS = ['gpt-4o', 'gpt-4o-mini', 'claude-opus', 'auto', 'x'];
const PATTERNS = [...MODELS, 'gpt-*', '*-mini', '*', 'claude-*s', 'g*o*'];
const ADDRESSES = ['10.0.0.1', '10.0.1.1', '203.0.113.7', '2001:db8::1', '::ffff:10.0.0.1'];
const CIDRS = [
  '10.0.0.0/8',
  '10.0.0.0/24',
  '10.0.0.1',
  '203.0.113.0/24',
  '2001:db8::/32',
  '0.0.0.0/0',
  '::/0',
];
const COUNTRIES = ['DE', 'US', 'FR'];
const HOSTS = ['a.x.com', 'x.com', 'b.a.x.com', 'evilx.com'];
const DOMAINS = [...HOSTS, '*.x.com', '*.a.x.com'];
const AGENTS = ['YourApp/1.0', 'YourApp/2.0', 'curl/8'];
const AGENT_PATTERNS = ['^YourApp/', 'curl', String.raw`/\d\.\d$`];

function some<Item>(items: readonly Item[]): fc.Arbitrary<Item[] | null | undefined> {
  return fc.option(fc.option(fc.subarray([...items], { minLength: 1 }), { nil: null }), {
    nil: undefined,
  });
}
const anyBoolean = fc.constantFrom(true, false, null, undefined);
const featureMap = fc.dictionary(fc.constantFrom(...FEATURES), fc.boolean(), { maxKeys: 3 });

const limit = fc.constantFrom(undefined, null, 1, 2, 3, 4);
const usd = fc.constantFrom(undefined, null, 0, '0.5', 1, 1.5);
function fields(
  byName: Record<string, fc.Arbitrary<unknown>>,
): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(byName, { requiredKeys: [] });
}

export const anyModelLimits = fc.dictionary(
  fc.constantFrom(...PATTERNS),
  fields({
    max_tokens_per_request: fc.integer({ min: 1, max: 4 }),
    max_requests_per_day: fc.integer({ min: 1, max: 4 }),
    max_cost_per_day: fc.constantFrom(0, '0.5', 1),
  }).filter((limits) => Object.keys(limits).length > 0),
  { maxKeys: 2 },
);

export const anyRateLimits = fields({
  requests: fields({
    per_second: limit,
    per_minute: limit,
    per_hour: limit,
    per_day: limit,
    burst_size: limit,
  }),
  tokens: fields({
    input_per_minute: limit,
    output_per_minute: limit,
    total_per_day: limit,
    min_output: fc.constantFrom(undefined, null, 1, 255, 256, 257),
  }),
  costs: fields({
    per_request_max: usd,
    per_hour_max: usd,
    per_day_max: usd,
    per_month_max: usd,
    alert_threshold: fc.constantFrom(undefined, null, 0.5, 1),
  }),
  concurrency: fields({ max_parallel_requests: limit, max_queued_requests: limit }),
});

const anyDataAccess = fields({
  log_requests: anyBoolean,
  log_responses: anyBoolean,
  export_data: anyBoolean,
  delete_data: anyBoolean,
});

export const anyInput: fc.Arbitrary<PolicyInput> = fc.record(
  {
    permissions: fc.record(
      {
        models: fc.oneof(
          some(PATTERNS),
          fc.record(
            {
              allowed: some(PATTERNS),
              denied: fc.subarray(PATTERNS, { maxLength: 2 }),
              cost_limits: anyModelLimits,
            },
            { requiredKeys: [] },
          ),
        ),
        all_models: fc.constantFrom(undefined, undefined, undefined, true),
        features: fc.oneof(some(FEATURES), featureMap),
        advanced_features: featureMap,
        all_features: fc.constantFrom(undefined, undefined, undefined, true),
        max_requests_per_minute: fc.constantFrom(undefined, undefined, undefined, 2),
        operations: some(['read', 'write']),
        data_access: fc.oneof(fc.constant(undefined), anyDataAccess),
        require_approval: fc.constantFrom(undefined, undefined, null, true, false),
        routing: fc.record(
          {
            allow_auto_routing: anyBoolean,
            fallback_allowed: anyBoolean,
            allowed_providers: some(['openai', 'groq', 'own']),
            force_provider: fc.constantFrom(undefined, null, 'openai', 'own'),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: [] },
    ),
    restrictions: fc.record(
      { ip_whitelist: some(CIDRS), domains: some(DOMAINS), user_agents: some(AGENTS) },
      { requiredKeys: [] },
    ),
    // Most have none, or few children would be within their creators.
    rate_limits: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, anyRateLimits),
    security: fc.record(
      {
        network_restrictions: fc.record(
          {
            ip_blacklist: fc.subarray(CIDRS, { maxLength: 1 }),
            require_https: anyBoolean,
            allowed_countries: some(COUNTRIES),
            blocked_countries: fc.subarray(COUNTRIES, { maxLength: 1 }),
            allowed_origins: some(DOMAINS.map((host) => `https://${host}`)),
          },
          { requiredKeys: [] },
        ),
        domain_restrictions: fc.record(
          {
            allowed_referrers: some([
              'https://a.x.com/*',
              'https://a.x.com/p/*',
              'https://*.x.com/p',
            ]),
            user_agent_pattern: fc.constantFrom(undefined, null, ...AGENT_PATTERNS),
          },
          { requiredKeys: [] },
        ),
        // Half of all sign nothing, or no request would ever meet all that is required of it.
        authentication: fc.oneof(
          fc.constant(undefined),
          fc.record(
            {
              require_signature: anyBoolean,
              signature_algorithm: fc.constantFrom(undefined, null, 'HMAC-SHA256'),
              require_timestamp: anyBoolean,
              max_timestamp_age: fc.constantFrom(undefined, null, 60, 300, 3_600),
              require_nonce: anyBoolean,
            },
            { requiredKeys: [] },
          ),
        ),
        audit: fc.oneof(
          { weight: 3, arbitrary: fc.constant(undefined) },
          fc.record(
            {
              log_all_requests: anyBoolean,
              log_failures: anyBoolean,
              alert_on_suspicious: anyBoolean,
              retention_days: fc.constantFrom(undefined, null, 30, 90, 365),
            },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

const header = <Value>(values: readonly Value[]): fc.Arbitrary<Value | null> =>
  fc.constantFrom(null, ...values);

/** All facts are known. */
export const anyFacts: fc.Arbitrary<RequestFacts> = fc.record({
  now: fc.constant(0),
  neededScopes: fc.constant(0),
  isReadOnlyRoute: fc.constant(false),
  operation: fc.constantFrom('read', 'write'),
  client: fc.record({
    address: fc.constantFrom(...ADDRESSES),
    isHttps: fc.boolean(),
    country: header(COUNTRIES),
    origin: header(HOSTS.map((host) => `https://${host}`)),
    referrer: header(['https://a.x.com/', 'https://a.x.com/p/q', 'https://b.x.com/p']),
    userAgent: header(AGENTS),
  }),
  model: fc.constantFrom(...MODELS),
  features: fc
    .subarray([...FEATURES], { maxLength: 2 })
    .map((used): FeatureMask => featureMask(used)),
  outputTokens: fc.constantFrom(null, 1, 2, 3, 4, 5),
});
