import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { childOf, unlessRefused } from '../../../../../test/support/policies.js';
import { anyInput } from '../../../../../test/support/policy-arbitraries.js';
import { anyRequests, expectPolicyWithin } from '../../../../../test/support/policy-requests.js';
import type { KeyPolicy } from '../../domain/policy/key-policy.js';
import { toPolicyDocument } from '../../domain/policy/policy-document.js';
import { UNRESTRICTED_POLICY } from '../../domain/policy/policy-fields.js';
import {
  addStoredLevel,
  composeDefaults,
  composeTemplates,
  inheritClamped,
} from '../../domain/policy/policy-templates.js';
import { policyWithin, type SourcedPolicy } from '../../domain/policy/policy-within.js';
import { POLICY_PARTS, type PolicyInput, readPolicy } from '../../domain/policy/read-policy.js';
import { readDefaults, startWithin } from './environment-defaults.js';

type Start = typeof startWithin;

/** Of one part only, or hardly any would fit each other. */
const anyPart: fc.Arbitrary<PolicyInput> = fc
  .tuple(anyInput, fc.constantFrom(...POLICY_PARTS))
  .map(([input, part]) => (input[part] === undefined ? {} : { [part]: input[part] }));

function made(
  creator: KeyPolicy,
  defaults: PolicyInput,
  own: PolicyInput,
  start: Start = startWithin,
): SourcedPolicy {
  return policyWithin(creator, readPolicy(own), start(creator, defaults));
}

/** @returns how many requests keys were allowed in all, and how many had a field of the defaults */
function assertHeld(start: Start, numRuns: number): { allowed: number; given: number } {
  const seen = { allowed: 0, given: 0 };
  fc.assert(
    fc.property(
      fc.oneof(anyInput, anyPart),
      fc.oneof(anyInput, anyPart),
      anyPart,
      anyRequests,
      (ofCreator, ofDefaults, own, place) => {
        const creator = childOf(UNRESTRICTED_POLICY, ofCreator);
        const defaults = unlessRefused(() => readDefaults(UNRESTRICTED_POLICY, ofDefaults));
        const key = creator && defaults && unlessRefused(() => made(creator, defaults, own, start));
        fc.pre(creator !== null && !!key);
        seen.allowed += expectPolicyWithin(creator, key.policy, place);
        const sources = Object.values(key.sources).flat();
        if (sources.includes('environment')) seen.given++;
      },
    ),
    { numRuns, maxSkipsPerRun: 1_000 },
  );
  return seen;
}

describe('a key with the defaults of its environment', () => {
  it('may do nothing that its creator may not', () => {
    const { allowed, given } = assertHeld(startWithin, 2_000);
    expect(given).toBeGreaterThan(500);
    expect(allowed).toBeGreaterThan(5_000);
  }, 300_000);

  it('is seen to do more where a bug does not keep them within the creator’s policy', () => {
    const buggy: Start = (_, defaults) => startWithin(UNRESTRICTED_POLICY, defaults);
    expect(() => assertHeld(buggy, 500)).toThrow('Property failed');
  }, 120_000);

  it('and with a template on top of them may do nothing that its creator may not', () => {
    let [allowed, given] = [0, 0];
    const any = fc.oneof(anyInput, anyPart);
    fc.assert(
      fc.property(any, anyPart, anyPart, anyPart, anyRequests, (of, start, level, own, place) => {
        const creator = childOf(UNRESTRICTED_POLICY, of);
        fc.pre(creator !== null);
        const wanted = unlessRefused(() =>
          addStoredLevel(
            composeTemplates([readPolicy(level)], composeDefaults(readPolicy(start))),
            readPolicy(own),
          ),
        );
        const bound = creator;
        const key = wanted && unlessRefused(() => inheritClamped(bound, wanted));
        fc.pre(!!key);
        allowed += expectPolicyWithin(bound, key.policy, place);
        given += Object.values(key.sources).flat().includes('environment') ? 1 : 0;
      }),
      { numRuns: 1_000, maxSkipsPerRun: 1_000 },
    );
    expect(given).toBeGreaterThan(100);
    expect(allowed).toBeGreaterThan(2_000);
  }, 300_000);
});

describe('a field of the defaults', () => {
  const DEFAULTS = readDefaults(UNRESTRICTED_POLICY, {
    permissions: { models: ['gpt-4o', 'gpt-4o-mini'], max_cost_per_day: 50 },
    rate_limits: { requests: { per_second: 5, burst_size: 9 } },
  });
  const at = (key: SourcedPolicy, path: string): unknown => [
    path
      .split('.')
      .reduce<unknown>(
        (part, name) => (part as Record<string, unknown>)[name],
        toPolicyDocument(key.policy),
      ),
    key.sources[path],
  ];
  const MODELS = 'permissions.models.allowed';
  const COST = 'rate_limits.costs.per_day_max';

  it('counts where the request says nothing, and is seen to be one', () => {
    const key = made(UNRESTRICTED_POLICY, DEFAULTS, {});
    expect(at(key, MODELS)).toEqual([['gpt-4o', 'gpt-4o-mini'], ['environment']]);
    expect(at(key, 'rate_limits.requests.burst_size')).toEqual([9, ['environment']]);
    expect(at(key, 'security.network_restrictions.require_https')).toEqual([false, ['default']]);
  });

  it('gives way to what the request says, also to more, and to null', () => {
    const own = { permissions: { all_models: true, max_cost_per_day: null } };
    const key = made(UNRESTRICTED_POLICY, DEFAULTS, own);
    expect([at(key, MODELS), at(key, COST)]).toEqual([
      [null, ['default']],
      [null, ['default']],
    ]);
    const more = made(UNRESTRICTED_POLICY, DEFAULTS, { permissions: { max_cost_per_day: 99 } });
    expect((at(more, COST) as unknown[])[1]).toEqual(['key']);
  });

  it('counts as far as the creator has it itself', () => {
    const creator = childOf(UNRESTRICTED_POLICY, {
      permissions: { models: ['gpt-4o', 'claude-*'], max_cost_per_day: 10 },
    }) as KeyPolicy;
    const key = made(creator, DEFAULTS, {});
    expect(key.policy).toMatchObject({
      allowedModels: ['gpt-4o'],
      costPerDayNanos: 10_000_000_000,
    });
    expect(key.sources[COST]).toEqual(['creator']);
  });

  it('can’t be said by who has it not', () => {
    const setter = childOf(UNRESTRICTED_POLICY, { permissions: { max_cost_per_day: 10 } });
    expect(() =>
      readDefaults(setter as KeyPolicy, { permissions: { max_cost_per_day: 11 } }),
    ).toThrow(expect.objectContaining({ code: 'escalation_denied' }) as Error);
    expect(readDefaults(setter as KeyPolicy, {})).toEqual({});
  });
});
