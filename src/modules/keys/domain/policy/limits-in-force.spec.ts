import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  childOf,
  expectLimitsWithin,
  unlessRefused,
} from '../../../../../test/support/policies.js';
import { anyModelLimits, anyRateLimits } from '../../../../../test/support/policy-arbitraries.js';
import type { KeyPolicy } from './key-policy.js';
import { toPolicyDocument } from './policy-document.js';
import { UNRESTRICTED_POLICY } from './policy-fields.js';
import { assertPolicyWithin, policyWithin, type SourcedPolicy } from './policy-within.js';
import { type PolicyInput, readPolicy } from './read-policy.js';

describe('the limits of a child', () => {
  it('are the creator’s numbers besides its own, model by model', () => {
    const limited = (cost_limits: object): PolicyInput => ({
      permissions: { models: { cost_limits } },
    });
    const creator = childOf(
      UNRESTRICTED_POLICY,
      limited({
        a: { max_requests_per_day: 5, max_cost_per_day: '2' },
        b: { max_cost_per_day: 3 },
      }),
    ) as KeyPolicy;
    const own = {
      a: { max_cost_per_day: 1, max_tokens_per_request: 9 },
      c: { max_cost_per_day: 0 },
    };
    expect(childOf(creator, limited(own))?.modelLimits).toEqual({
      a: { maxRequestsPerDay: 5, maxCostPerDayNanos: 1_000_000_000, maxTokensPerRequest: 9 },
      b: { maxCostPerDayNanos: 3_000_000_000 },
      c: { maxCostPerDayNanos: 0 },
    });
  });

  it('name no more models together with the creator’s than one policy may', () => {
    const named = (letter: string, count: number): PolicyInput => {
      const names = Array.from({ length: count }, (_, index) => `${letter}${index}`);
      const limits = names.map((name) => [name, { max_requests_per_day: 1 }]);
      return { permissions: { models: { cost_limits: Object.fromEntries(limits) as object } } };
    };
    const creator = childOf(UNRESTRICTED_POLICY, named('a', 150)) as KeyPolicy;
    expect(Object.keys(childOf(creator, named('b', 50))?.modelLimits ?? {})).toHaveLength(200);
    expect(() => policyWithin(creator, readPolicy(named('b', 51)))).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        param: 'permissions.models.cost_limits',
      }) as Error,
    );
  });

  it.each([
    [{ tokens: { min_output: 1 } }, {}],
    [{ tokens: { min_output: 101 } }, { tokens: { min_output: 100 } }],
    [{ costs: { alert_threshold: 1 } }, { costs: { alert_threshold: 0.5 } }],
    [{ concurrency: { max_queued_requests: 9 } }, {}],
    [{ requests: { burst_size: 10 } }, { requests: { per_second: 10 } }],
    [{ requests: { per_second: 5, burst_size: 8 } }, { requests: { per_second: 10 } }],
  ])('may be %j under %j', (rate_limits, ofCreator) => {
    const creator = childOf(UNRESTRICTED_POLICY, { rate_limits: ofCreator }) as KeyPolicy;
    const child = childOf(creator, { rate_limits });
    expect(toPolicyDocument(child as KeyPolicy)).toMatchObject({ rate_limits });
  });

  const changed = (
    before: PolicyInput,
    change: PolicyInput,
    creator = UNRESTRICTED_POLICY,
  ): SourcedPolicy => {
    const current = policyWithin(UNRESTRICTED_POLICY, readPolicy(before));
    return policyWithin(creator, readPolicy(change), current);
  };
  const requests = (fields: object | null): PolicyInput => ({ rate_limits: { requests: fields } });

  it.each([
    // The burst goes with the limit that it belongs to, and stays where that is only changed.
    [{ per_second: null }, { requestsPerSecond: null, burstSize: null }],
    [{ per_second: 5 }, { requestsPerSecond: 5, burstSize: 20 }],
    [{ burst_size: null }, { requestsPerSecond: 10, burstSize: null }],
    [{ per_minute: 7 }, { requestsPerSecond: 10, burstSize: 20, requestsPerMinute: 7 }],
    [null, { requestsPerSecond: null, burstSize: null }],
  ])('a change to %j leaves a whole', (fields, after) => {
    const before = requests({ per_second: 10, burst_size: 20 });
    const { policy, sources } = changed(before, requests(fields));
    expect(policy).toMatchObject(after);
    const origin = after.burstSize === null ? 'default' : 'key';
    expect(sources['rate_limits.requests.burst_size']).toEqual([origin]);
  });

  it.each([
    [requests({ burst_size: 5 }), {}],
    [requests({ burst_size: 5, per_second: null }), requests({ per_second: 10 })],
  ])('a burst without a limit per second is none: %j', (input, before) => {
    expect(() => changed(before, input)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        param: 'rate_limits.requests.burst_size',
      }) as Error,
    );
  });

  it('in another key’s hands are lifted to that key’s', () => {
    const changer = childOf(UNRESTRICTED_POLICY, requests({ per_second: 3 })) as KeyPolicy;
    const before = requests({ per_second: 2, burst_size: 1 });
    expect(changed(before, requests({ per_second: null }), changer)).toMatchObject({
      policy: { requestsPerSecond: 3, burstSize: 1 },
      sources: { 'rate_limits.requests.per_second': ['creator'] },
    });
  });
});

describe('a policy that is within another', () => {
  const anyLimits = fc.record({
    permissions: fc.record({ models: fc.record({ cost_limits: anyModelLimits }) }),
    rate_limits: anyRateLimits,
  });
  // Of one group only, or few would be within what they change.
  const anyChange = fc
    .tuple(anyRateLimits, fc.constantFrom('requests', 'tokens', 'costs', 'concurrency'))
    .map(([limits, group]): PolicyInput => ({ rate_limits: { [group]: limits[group] } }));
  const policyOf = (input: PolicyInput): KeyPolicy | null => childOf(UNRESTRICTED_POLICY, input);

  const isWithin = (limit: KeyPolicy, other: KeyPolicy): boolean => {
    const judged = unlessRefused(() => {
      assertPolicyWithin(limit, other);
      return true;
    });
    return judged ?? false;
  };

  it('has no limit above the other’s', () => {
    const seen = { within: 0, beyond: 0 };
    fc.assert(
      fc.property(anyLimits, fc.oneof(anyLimits, anyChange), (ofLimit, change) => {
        const limit = policyOf(ofLimit);
        if (!limit) return;
        const current = { policy: limit, sources: {} };
        const other = unlessRefused(
          () => policyWithin(UNRESTRICTED_POLICY, readPolicy(change), current).policy,
        );
        if (!other) return;
        if (isWithin(limit, other)) {
          expectLimitsWithin(limit, other);
          seen.within += 1;
        } else seen.beyond += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(seen.within).toBeGreaterThan(100);
    expect(seen.beyond).toBeGreaterThan(100);
  });

  it('is each child of it', () => {
    fc.assert(
      fc.property(anyLimits, anyLimits, (ofCreator, ofChild) => {
        const creator = policyOf(ofCreator);
        const child = creator && childOf(creator, ofChild);
        if (creator && child) expect(isWithin(creator, child)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    // What is not said counts as what it amounts to.
    [{ requests: { per_second: 3 } }, { requests: { per_second: 10, burst_size: 5 } }, true],
    [{ requests: { per_second: 6 } }, { requests: { per_second: 10, burst_size: 5 } }, false],
    [{ tokens: {} }, { tokens: { min_output: 256 } }, true],
    [{ tokens: {} }, { tokens: { min_output: 257 } }, false],
    [{ concurrency: {} }, { concurrency: { max_queued_requests: 1 } }, true],
    [{ costs: {} }, { costs: { alert_threshold: 0.5 } }, true],
  ])('%j is within %j: %s', (ofOther, ofLimit, expected) => {
    const [limit, other] = [ofLimit, ofOther].map((rate_limits) => policyOf({ rate_limits }));
    expect(isWithin(limit as KeyPolicy, other as KeyPolicy)).toBe(expected);
  });
});
