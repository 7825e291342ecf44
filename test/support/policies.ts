import { expect } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { compileKeyView, type KeyView } from '../../src/modules/keys/domain/key-view.js';
import type { KeyPolicy } from '../../src/modules/keys/domain/policy/key-policy.js';
import { UNRESTRICTED_POLICY } from '../../src/modules/keys/domain/policy/policy-fields.js';
import { policyWithin } from '../../src/modules/keys/domain/policy/policy-within.js';
import { type PolicyInput, readPolicy } from '../../src/modules/keys/domain/policy/read-policy.js';

export function viewOf(policy: KeyPolicy): KeyView {
  return compileKeyView({
    keyId: 'key_1',
    organizationId: 'org_1',
    userId: null,
    serviceAccountId: null,
    role: null,
    teamId: null,
    projectIds: [],
    standing: null,
    environment: 'production',
    accessLevel: 'inference',
    scopes: [],
    policy,
    expiresAt: null,
    disabledAt: null,
    enableAt: null,
    revokedAt: null,
    awaitsApproval: false,
    secretId: 'sec_1',
    secretExpiresAt: null,
    secretRetiredAt: null,
    signingSecret: null,
  });
}

/** Of a key that nothing restricts. */
export function openView(): KeyView {
  return viewOf(UNRESTRICTED_POLICY);
}

/** `null` where it is refused, which harms nobody. */
export function unlessRefused<Made>(make: () => Made): Made | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

export function childOf(creator: KeyPolicy, input: PolicyInput): KeyPolicy | null {
  return unlessRefused(() => policyWithin(creator, readPolicy(input)).policy);
}

/** What a child’s calls may use up is no more than what its creator’s may. */
export function expectLimitsWithin(creator: KeyPolicy, child: KeyPolicy): void {
  const [{ limits: own }, { limits: its }] = [viewOf(creator), viewOf(child)];
  for (const { limit, burst, ...subject } of own.allowances) {
    const { metric, window, model } = subject;
    const same = its.allowances.find(
      (other) => other.metric === metric && other.window === window && other.model === model,
    );
    expect(same).toBeDefined();
    expect(same?.limit).toBeLessThanOrEqual(limit);
    if (burst !== null) expect(same?.burst).toBeLessThanOrEqual(burst);
  }
  expect(its.costPerRequest ?? Infinity).toBeLessThanOrEqual(own.costPerRequest ?? Infinity);
  // Who says nothing of it leaves it free: there is no lower floor to hand on.
  if (creator.minOutputTokens !== null)
    expect(its.minOutputTokens).toBeGreaterThanOrEqual(own.minOutputTokens);
  // And who may make any number of calls at once has nothing to queue for.
  if (creator.maxParallelRequests !== null || creator.maxQueuedRequests !== null)
    expect(its.maxQueued).toBeLessThanOrEqual(own.maxQueued);
}
