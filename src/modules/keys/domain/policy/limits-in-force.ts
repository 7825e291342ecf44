import { invalid } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { POLICY_FIELDS, withoutFields } from './policy-fields.js';
import type { RequestedPolicy } from './read-policy.js';

/** Less is not worth a call, unless somebody says so. */
const DEFAULT_MIN_OUTPUT_TOKENS = 256;

type LimitsInForce = KeyPolicy & {
  readonly minOutputTokens: number;
  readonly maxQueuedRequests: number;
};

/** A policy with the numbers that count where it does not say them. */
export function limitsInForce(policy: KeyPolicy): LimitsInForce {
  return {
    ...policy,
    burstSize: policy.burstSize ?? policy.requestsPerSecond,
    minOutputTokens: policy.minOutputTokens ?? DEFAULT_MIN_OUTPUT_TOKENS,
    maxQueuedRequests: policy.maxQueuedRequests ?? 0,
  };
}

/** What those who are held to `policy` are held to where it does not say a number, but another that it goes with. */
export function bindingLimits(policy: KeyPolicy): KeyPolicy {
  const { burstSize, requestsPerSecond, maxQueuedRequests, maxParallelRequests } = policy;
  return {
    ...policy,
    burstSize: burstSize ?? requestsPerSecond,
    maxQueuedRequests: maxQueuedRequests ?? (maxParallelRequests === null ? null : 0),
  };
}

/**
 * A burst comes and goes with the limit per second.
 * @param current of a policy that is changed, what is neither asked for nor lifted
 * @returns what of it stays
 * @throws {AppError} `invalid_request` naming a burst that is asked for without such a limit
 */
export function settleBurst(
  creator: KeyPolicy,
  { values: asked, at }: Pick<RequestedPolicy, 'values' | 'at'>,
  current: Partial<KeyPolicy>,
): Partial<KeyPolicy> {
  const perSecond =
    asked.requestsPerSecond ?? current.requestsPerSecond ?? creator.requestsPerSecond;
  if (perSecond !== null) return current;
  const { path } = POLICY_FIELDS.burstSize;
  if (asked.burstSize)
    throw invalid(at.burstSize ?? path, `goes with ${POLICY_FIELDS.requestsPerSecond.path}`);
  return withoutFields(current, new Set(['burstSize']));
}
