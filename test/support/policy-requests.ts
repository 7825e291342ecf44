import fc from 'fast-check';
import { expect } from 'vitest';

import { authorize } from '../../src/modules/keys/domain/authorize.js';
import type { KeyView } from '../../src/modules/keys/domain/key-view.js';
import type { KeyPolicy } from '../../src/modules/keys/domain/policy/key-policy.js';
import type { RequestFacts } from '../../src/modules/keys/domain/request-facts.js';
import { expectLimitsWithin, viewOf } from './policies.js';
import { anyFacts, MODELS } from './policy-arbitraries.js';

/** A request, the provider that it would go to, and how it is signed: seconds ago, or without a time. */
type AnyRequest = {
  readonly facts: RequestFacts;
  readonly provider: string;
  readonly signature: { readonly age: number | null; readonly hasNonce: boolean } | null;
};

/** Drawn once, so that a counterexample names its place and not 200 requests. */
const REQUESTS = fc.sample(
  fc.record({
    facts: anyFacts,
    provider: fc.constantFrom('openai', 'groq', 'own'),
    signature: fc.option(
      fc.record({ age: fc.constantFrom(null, 0, 100, 400), hasNonce: fc.boolean() }),
    ),
  }),
  10_000,
);
const REQUESTS_PER_PAIR = 200;
/** The place of the first of them. */
export const anyRequests = fc.nat(REQUESTS.length - REQUESTS_PER_PAIR);

function isSignedAsRequired({ signing }: KeyView, { signature }: AnyRequest): boolean {
  if (!signing) return true;
  if (!signature) return false;
  const { age, hasNonce } = signature;
  const isInTime = signing.maxAgeMs === null || (age !== null && age * 1_000 <= signing.maxAgeMs);
  return isInTime && (hasNonce || !signing.requiresNonce);
}

function isAllowed(view: KeyView, request: AnyRequest): boolean {
  const reaches = view.allowsProvider?.(request.provider) ?? true;
  return reaches && isSignedAsRequired(view, request) && authorize(view, request.facts).allowed;
}

function outputLimit(view: KeyView, model: string): number {
  return view.outputLimitOf(model) ?? Infinity;
}

/** A child has no right over data that its creator has not, and no body of it is kept where its creator says no. */
function expectDataAccessWithin(creator: KeyPolicy, child: KeyPolicy): void {
  if (child.exportsData) expect(creator.exportsData).toBe(true);
  if (child.deletesData) expect(creator.deletesData).toBe(true);
  if (creator.logsRequests === false) expect(child.logsRequests).toBe(false);
  if (creator.logsResponses === false) expect(child.logsResponses).toBe(false);
}

/** What no single request shows: it falls back, does without approval and signs less closely only where its creator may. */
function expectCareWithin(creator: KeyPolicy, child: KeyPolicy): void {
  if (child.allowsFallback) expect(creator.allowsFallback).toBe(true);
  if (creator.requiresApproval) expect(child.requiresApproval).toBe(true);
  if (creator.maxTimestampAge !== null)
    expect(child.maxTimestampAge ?? Infinity).toBeLessThanOrEqual(creator.maxTimestampAge);
}

/**
 * A key may do nothing that its creator may not.
 * @param place of the requests that are tried, of {@link anyRequests}
 * @returns how many of them the key was allowed
 */
export function expectPolicyWithin(
  creatorPolicy: KeyPolicy,
  policy: KeyPolicy,
  place: number,
): number {
  const creator = viewOf(creatorPolicy);
  const child = viewOf(policy);
  const requests = REQUESTS.slice(place, place + REQUESTS_PER_PAIR);
  const passing = requests.filter((request) => isAllowed(child, request));
  expect(passing.filter((request) => !isAllowed(creator, request))).toEqual([]);
  for (const model of MODELS) {
    expect(outputLimit(child, model)).toBeLessThanOrEqual(outputLimit(creator, model));
  }
  expectLimitsWithin(creatorPolicy, policy);
  expectDataAccessWithin(creatorPolicy, policy);
  expectCareWithin(creatorPolicy, policy);
  expectWatchedWithin(creatorPolicy, policy);
  return passing.length;
}

/** A child is watched as much as its creator, and its entries of the audit log are kept for as long. */
function expectWatchedWithin(creator: KeyPolicy, policy: KeyPolicy): void {
  for (const name of ['logsAllRequests', 'logsFailures', 'alertsOnSuspicious'] as const) {
    if (creator[name]) expect([name, policy[name]]).toEqual([name, true]);
  }
  if (creator.auditRetentionDays === null) return;
  expect(policy.auditRetentionDays).toBeGreaterThanOrEqual(creator.auditRetentionDays);
}
