import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { anyFacts, anyInput } from '../../../../test/support/policy-arbitraries.js';
import { authorize, KEY_RULES } from './authorize.js';
import { explain, type Outcome, RULE_NAMES } from './explain.js';
import { compileKeyView, type KeyView } from './key-view.js';
import type { KeyPolicy } from './policy/key-policy.js';
import { UNRESTRICTED_POLICY } from './policy/policy-fields.js';
import { policyWithin } from './policy/policy-within.js';
import { readPolicy } from './policy/read-policy.js';
import type { ClientDescription, RequestFacts } from './request-facts.js';

const NOW = 1_700_000_000_000;

/** `null` for one that contradicts itself. */
const anyPolicy = anyInput.map((input): KeyPolicy | null => {
  try {
    return policyWithin(UNRESTRICTED_POLICY, readPolicy(input)).policy;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
});
const anyTime = fc.constantFrom(null, null, NOW - 1, NOW, NOW + 1);

const anyView = fc
  .record({
    policy: anyPolicy.filter((policy) => policy !== null),
    accessLevel: fc.constantFrom(null, null, null, 'read_only' as const),
    expiresAt: anyTime,
    disabledAt: anyTime,
    enableAt: anyTime,
    revokedAt: anyTime,
    awaitsApproval: fc.constantFrom(false, false, true),
    signingSecret: fc.constant(null),
    secretId: fc.constant('sec_1'),
    secretExpiresAt: anyTime,
    secretRetiredAt: anyTime,
  })
  .map((record): KeyView =>
    compileKeyView({
      ...record,
      keyId: 'key_1',
      organizationId: 'org_1',
      userId: null,
      serviceAccountId: null,
      role: null,
      teamId: null,
      projectIds: [],
      standing: null,
      environment: 'production',
      scopes: ['inference'],
    }),
  );

/** A request of which any part may not be known. */
const anyPartOfFacts = fc
  .tuple(
    anyFacts,
    fc.array(
      fc.constantFrom('operation', 'client', 'model', 'features', 'outputTokens') as fc.Arbitrary<
        keyof RequestFacts
      >,
      { maxLength: 3 },
    ),
    fc.array(
      fc.constantFrom(
        'address',
        'isHttps',
        'country',
        'origin',
        'referrer',
        'userAgent',
      ) as fc.Arbitrary<keyof ClientDescription>,
      { maxLength: 3 },
    ),
    fc.constantFrom(0, 1, 2, 3),
  )
  .map(([facts, unknown, unknownOfClient, neededScopes]): RequestFacts => {
    const without = <Whole extends object>(whole: Whole, names: readonly (keyof Whole)[]): Whole =>
      Object.fromEntries(
        Object.entries(whole).filter(([name]) => !names.includes(name as keyof Whole)),
      ) as Whole;
    const client = without(facts.client ?? {}, unknownOfClient);
    return without({ ...facts, client, now: NOW, neededScopes }, unknown);
  });

describe('explain', () => {
  it('tells of every rule once, and denies first what authorize refuses, or nothing', () => {
    const seen = new Map<Outcome, number>();
    fc.assert(
      fc.property(anyView, anyPartOfFacts, fc.boolean(), (view, facts, saysFeatures) => {
        const trace = explain(view, { facts, callsModel: true, saysFeatures });
        expect(trace.map(({ rule }) => rule)).toEqual(RULE_NAMES);
        const decision = authorize(view, facts);
        const first = trace.find(({ outcome }) => outcome === 'deny');
        const codes = new Map<string, string>(
          [...KEY_RULES, ...view.rules].map(({ name, code }) => [name, code]),
        );
        expect(first ? codes.get(first.rule) : null).toBe(decision.allowed ? null : decision.code);
        for (const { outcome, detail } of trace) {
          seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
          expect(detail).toMatch(/^[A-Z].*\.$/);
          expect(detail).not.toMatch(/undefined|null|NaN|Infinity|\[object/);
        }
      }),
      { numRuns: 2_000 },
    );
    // Else nothing would have been said of one of them.
    for (const outcome of ['allow', 'deny', 'not_restricted', 'not_evaluated'] as const) {
      expect(seen.get(outcome)).toBeGreaterThan(500);
    }
  }, 60_000);

  it('says nothing that would be otherwise once the rest of the request is known', () => {
    fc.assert(
      fc.property(anyView, anyPartOfFacts, anyFacts, (view, facts, whole) => {
        const trace = explain(view, { facts, callsModel: true, saysFeatures: false });
        const completed = {
          ...whole,
          ...facts,
          client: { ...whole.client, ...facts.client },
          features: (whole.features ?? 0) | (facts.features ?? 0),
        };
        const fully = explain(view, { facts: completed, callsModel: true, saysFeatures: true });
        trace.forEach(({ rule, outcome }, at) => {
          if (outcome === 'not_evaluated') return;
          expect([rule, fully[at]?.outcome]).toEqual([rule, outcome]);
        });
      }),
      { numRuns: 2_000 },
    );
  }, 60_000);
});
