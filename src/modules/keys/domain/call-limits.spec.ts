import { describe, expect, it } from 'vitest';

import type { Allowance } from '#modules/limits/index.js';

import { type CallLimits, compileCallLimits } from './call-limits.js';
import { UNRESTRICTED_POLICY } from './policy/policy-fields.js';
import { policyWithin } from './policy/policy-within.js';
import { type PolicyInput, readPolicy } from './policy/read-policy.js';

function limitsOf(input: PolicyInput): CallLimits {
  const { policy } = policyWithin(UNRESTRICTED_POLICY, readPolicy(input));
  return compileCallLimits({ keyId: 'key_1', organizationId: 'org_1', policy });
}

const OF_THE_KEY = {
  organizationId: 'org_1',
  subject: 'key',
  subjectId: 'key_1',
  burst: null,
  model: null,
  alertThreshold: null,
} as const;

describe('compileCallLimits', () => {
  it('limits nothing where nothing is said, and lets nothing wait', () => {
    expect(limitsOf({})).toEqual({
      allowances: [],
      costPerRequest: null,
      minOutputTokens: 256,
      maxQueued: 0,
    });
  });

  it('makes one allowance of each limit, money in nano-dollars', () => {
    const rate_limits = {
      requests: { per_second: 10, per_minute: 100, per_hour: 1_000, per_day: 10_000 },
      tokens: { input_per_minute: 100_000, output_per_minute: 50_000, total_per_day: 10_000_000 },
      costs: { per_request_max: 1, per_hour_max: 10, per_day_max: '100', per_month_max: 1_000 },
      concurrency: { max_parallel_requests: 5, max_queued_requests: 20 },
    };
    const limits = limitsOf({
      rate_limits: {
        ...rate_limits,
        requests: { ...rate_limits.requests, burst_size: 20 },
        tokens: { ...rate_limits.tokens, min_output: 64 },
        costs: { ...rate_limits.costs, alert_threshold: 0.8 },
      },
    });
    const shared = { ...OF_THE_KEY, alertThreshold: 0.8 };
    expect(limits).toEqual({
      allowances: [
        { ...shared, metric: 'requests', window: 'second', limit: 10, burst: 20 },
        { ...shared, metric: 'requests', window: 'minute', limit: 100 },
        { ...shared, metric: 'requests', window: 'hour', limit: 1_000 },
        { ...shared, metric: 'requests', window: 'day', limit: 10_000 },
        { ...shared, metric: 'input_tokens', window: 'minute', limit: 100_000 },
        { ...shared, metric: 'output_tokens', window: 'minute', limit: 50_000 },
        { ...shared, metric: 'total_tokens', window: 'day', limit: 10_000_000 },
        { ...shared, metric: 'cost', window: 'hour', limit: 10_000_000_000 },
        { ...shared, metric: 'cost', window: 'day', limit: 100_000_000_000 },
        { ...shared, metric: 'cost', window: 'month', limit: 1_000_000_000_000 },
        { ...shared, metric: 'parallel_requests', window: 'none', limit: 5 },
      ],
      costPerRequest: 1_000_000_000,
      minOutputTokens: 64,
      maxQueued: 20,
    });
  });

  it('makes one of each number of each model, besides those of all', () => {
    const cost_limits = {
      'gpt-*': { max_requests_per_day: 100, max_cost_per_day: 10, max_tokens_per_request: 5 },
      'claude-3': { max_tokens_per_request: 5 },
    };
    const permissions = { max_cost_per_day: 0, models: { cost_limits } };
    expect(limitsOf({ permissions }).allowances).toEqual<Allowance[]>([
      { ...OF_THE_KEY, metric: 'cost', window: 'day', limit: 0 },
      { ...OF_THE_KEY, metric: 'requests', window: 'day', limit: 100, model: 'gpt-*' },
      { ...OF_THE_KEY, metric: 'cost', window: 'day', limit: 10_000_000_000, model: 'gpt-*' },
    ]);
  });

  it('lets as many through at once as the limit per second where nobody says how many', () => {
    expect(limitsOf({ rate_limits: { requests: { per_second: 7 } } }).allowances).toEqual([
      { ...OF_THE_KEY, metric: 'requests', window: 'second', limit: 7, burst: 7 },
    ]);
  });
});
