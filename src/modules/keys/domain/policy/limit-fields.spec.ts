import { describe, expect, it } from 'vitest';

import type { KeyPolicy } from './key-policy.js';
import { fromPolicyDocument, toPolicyDocument } from './policy-document.js';
import { UNRESTRICTED_POLICY } from './policy-fields.js';
import { policyWithin } from './policy-within.js';
import { type PolicyInput, readPolicy } from './read-policy.js';

function policyOf(input: PolicyInput): KeyPolicy {
  return policyWithin(UNRESTRICTED_POLICY, readPolicy(input)).policy;
}
function rateLimit(path: string, value: unknown): PolicyInput {
  const [group = '', name = ''] = path.split('.');
  const perSecond = name === 'burst_size' && { per_second: 1 };
  return { rate_limits: { [group]: { ...perSecond, [name]: value } } };
}
function modelLimit(name: string, value: unknown): PolicyInput {
  return { permissions: { models: { cost_limits: { a: { [name]: value } } } } };
}

const REQUESTS = [1, 10 ** 12];
const TOKENS = [1, 10 ** 15];
const NUMBERS: [path: string, field: keyof KeyPolicy, bounds: number[]][] = [
  ['requests.per_second', 'requestsPerSecond', REQUESTS],
  ['requests.per_minute', 'requestsPerMinute', REQUESTS],
  ['requests.per_hour', 'requestsPerHour', REQUESTS],
  ['requests.per_day', 'requestsPerDay', REQUESTS],
  ['requests.burst_size', 'burstSize', [1, 10 ** 6]],
  ['tokens.input_per_minute', 'inputTokensPerMinute', TOKENS],
  ['tokens.output_per_minute', 'outputTokensPerMinute', TOKENS],
  ['tokens.total_per_day', 'totalTokensPerDay', TOKENS],
  ['tokens.min_output', 'minOutputTokens', TOKENS],
  ['concurrency.max_parallel_requests', 'maxParallelRequests', [1, 100_000]],
  ['concurrency.max_queued_requests', 'maxQueuedRequests', [0, 10_000]],
];
const MONEY: [path: string, field: keyof KeyPolicy][] = [
  ['costs.per_request_max', 'costPerRequestNanos'],
  ['costs.per_hour_max', 'costPerHourNanos'],
  ['costs.per_day_max', 'costPerDayNanos'],
  ['costs.per_month_max', 'costPerMonthNanos'],
];
const NO_COUNT = [-1, 1.5, NaN, Infinity, '5', true, [], {}];
const NO_MONEY = [
  ...[-1, -1e-9, 1e-10, 1.0000000001, 0.1 + 0.2, NaN, Infinity, 1e21, 9_000_000.01],
  ...[
    '',
    '-1',
    '1e3',
    '1.0000000001',
    '9000000.000000001',
    '8999999.999999999',
    ' 1',
    'NaN',
    true,
    [],
    {},
  ],
];

function refusal(param: string): Error {
  return expect.objectContaining({ code: 'invalid_request', param }) as Error;
}

describe('a number of rate_limits', () => {
  it.each(NUMBERS)('%s is read up to its bounds, and kept', (path, field, bounds) => {
    for (const value of bounds) {
      const policy = policyOf(rateLimit(path, value));
      expect(policy[field]).toBe(value);
      expect(fromPolicyDocument(toPolicyDocument(policy))).toEqual(policy);
    }
  });

  it.each(NUMBERS)('%s is refused by name when it is no such number', (path, _field, bounds) => {
    const [min = 0, max = 0] = bounds;
    for (const wrong of [...NO_COUNT, min - 1, max + 1]) {
      expect(() => policyOf(rateLimit(path, wrong))).toThrow(refusal(`rate_limits.${path}`));
    }
  });

  it.each(MONEY)('%s is USD outside and nano-dollars inside', (path, field) => {
    for (const [given, nanos, answered] of [
      [50, 50_000_000_000, 50],
      ['50.00', 50_000_000_000, 50],
      ['0.000000001', 1, 1e-9],
      [1e-9, 1, 1e-9],
      [0, 0, 0],
      ['7999999.999999999', 7_999_999_999_999_999, 7_999_999.999999999],
      [9_000_000, 9_000_000_000_000_000, 9_000_000],
    ] as const) {
      const policy = policyOf(rateLimit(path, given));
      expect(policy[field]).toBe(nanos);
      const document = JSON.parse(JSON.stringify(toPolicyDocument(policy))) as PolicyInput;
      expect(document).toMatchObject(rateLimit(path, answered));
      // As it comes from PostgreSQL, and as somebody sends it back.
      expect(fromPolicyDocument(document)).toEqual(policy);
      expect(policyOf(document)).toEqual(policy);
    }
  });

  it.each(MONEY)('%s is refused by name when it is no amount', (path) => {
    for (const wrong of NO_MONEY) {
      expect(() => policyOf(rateLimit(path, wrong))).toThrow(refusal(`rate_limits.${path}`));
    }
  });

  it('alert_threshold is a share', () => {
    const path = 'costs.alert_threshold';
    for (const share of [Number.MIN_VALUE, 0.8, 1]) {
      expect(policyOf(rateLimit(path, share)).alertThreshold).toBe(share);
    }
    for (const wrong of [0, -0.1, 1.01, NaN, Infinity, '0.8']) {
      expect(() => policyOf(rateLimit(path, wrong))).toThrow(refusal(`rate_limits.${path}`));
    }
  });
});

describe('the short spellings', () => {
  it.each([
    ['max_requests_per_minute', 'requestsPerMinute', 'requests.per_minute', 5, 5, 6],
    ['max_requests_per_day', 'requestsPerDay', 'requests.per_day', 5, 5, 6],
    ['max_cost_per_day', 'costPerDayNanos', 'costs.per_day_max', '2.50', 2.5, 2.51],
  ] as const)('%s', (alias, field, path, value, same, other) => {
    const permissions = { [alias]: value };
    const policy = policyOf({ permissions });
    expect(policy[field]).toBe(field === 'costPerDayNanos' ? 2_500_000_000 : 5);
    expect(policyOf({ permissions, ...rateLimit(path, same) })).toEqual(policy);
    // Of two that contradict, the one that is read later is named.
    expect(() => policyOf({ permissions, ...rateLimit(path, other) })).toThrow(
      refusal(`rate_limits.${path}`),
    );
    expect(() => policyOf({ permissions: { [alias]: -1 } })).toThrow(
      refusal(`permissions.${alias}`),
    );
  });
});

describe('the limits of a model', () => {
  it('are any of the three', () => {
    const turbo = { max_requests_per_day: 100, max_tokens_per_request: 4000 };
    const cost_limits = {
      'gpt-4-turbo-preview': { ...turbo, max_cost_per_day: '10.00' },
      'gpt-*': { max_cost_per_day: 0, max_requests_per_day: null },
    };
    const policy = policyOf({ permissions: { models: { cost_limits } } });
    expect(policy.modelLimits).toEqual({
      'gpt-4-turbo-preview': {
        maxRequestsPerDay: 100,
        maxTokensPerRequest: 4000,
        maxCostPerDayNanos: 10_000_000_000,
      },
      'gpt-*': { maxCostPerDayNanos: 0 },
    });
    const document = toPolicyDocument(policy);
    const answered = {
      'gpt-4-turbo-preview': { ...turbo, max_cost_per_day: 10 },
      'gpt-*': { max_cost_per_day: 0 },
    };
    expect(document).toMatchObject({ permissions: { models: { cost_limits: answered } } });
    expect(fromPolicyDocument(document)).toEqual(policy);
    expect(policyOf(document)).toEqual(policy);
  });

  it.each([
    ...[...NO_COUNT, 0].map((wrong) => ['max_requests_per_day', wrong] as const),
    ...[...NO_COUNT, 0].map((wrong) => ['max_tokens_per_request', wrong] as const),
    ...NO_MONEY.map((wrong) => ['max_cost_per_day', wrong] as const),
    ['max_requests', 5] as const,
  ])('%s: %j is refused by name', (name, wrong) => {
    expect(() => policyOf(modelLimit(name, wrong))).toThrow(
      refusal(`permissions.models.cost_limits.a.${name}`),
    );
  });

  it.each([[{}], [{ max_requests_per_day: null }], [[]], [5]])('are not %j', (limits) => {
    const input = { permissions: { models: { cost_limits: { a: limits } } } };
    expect(() => policyOf(input)).toThrow(refusal('permissions.models.cost_limits.a'));
  });
});

describe('what is unknown or of another kind', () => {
  it.each([
    [{ requests: { per_week: 5 } }, 'rate_limits.requests.per_week'],
    [{ per_minute: 5 }, 'rate_limits.per_minute'],
    [{ requests: 5 }, 'rate_limits.requests'],
    [[], 'rate_limits'],
  ])('%j is refused and names %s', (rate_limits, param) => {
    expect(() => policyOf({ rate_limits })).toThrow(refusal(param));
  });
});
