import type { Allowance, AllowanceWindow, Metric } from '#modules/limits/index.js';

import type { KeyPolicy } from './policy/key-policy.js';
import { limitsInForce } from './policy/limits-in-force.js';

export type CallLimits = {
  /** Of the key itself, by its policy. */
  readonly allowances: readonly Allowance[];
  /** Nano-dollars that one call may cost; `null`: as much as it likes. */
  readonly costPerRequest: number | null;
  /** Output tokens down to which a call's `max_tokens` may be lowered so that it fits. 256 unless the policy says otherwise. */
  readonly minOutputTokens: number;
  /** Calls that may wait for one of `parallel_requests` to end. 0: none. */
  readonly maxQueued: number;
};

type Figure = readonly [limit: number | null | undefined, metric: Metric, window: AllowanceWindow];

/** What the calls of a key may use up, by its policy. */
export function compileCallLimits({
  keyId,
  organizationId,
  policy,
}: {
  readonly keyId: string;
  readonly organizationId: string;
  readonly policy: KeyPolicy;
}): CallLimits {
  const inForce = limitsInForce(policy);
  const { burstSize, alertThreshold } = inForce;
  const allowancesOf = (figures: readonly Figure[], model: string | null): Allowance[] =>
    figures.flatMap(([limit, metric, window]) =>
      limit === null || limit === undefined
        ? []
        : {
            organizationId,
            subject: 'key' as const,
            subjectId: keyId,
            metric,
            window,
            limit,
            burst: window === 'second' ? burstSize : null,
            model,
            alertThreshold,
          },
    );
  return {
    allowances: [
      ...allowancesOf(figuresOfAll(inForce), null),
      ...Object.entries(policy.modelLimits).flatMap(([model, limits]) =>
        allowancesOf(
          [
            [limits.maxRequestsPerDay, 'requests', 'day'],
            [limits.maxCostPerDayNanos, 'cost', 'day'],
          ],
          model,
        ),
      ),
    ],
    costPerRequest: inForce.costPerRequestNanos,
    minOutputTokens: inForce.minOutputTokens,
    maxQueued: inForce.maxQueuedRequests,
  };
}

/** Of the calls to all models. */
function figuresOfAll(policy: KeyPolicy): readonly Figure[] {
  return [
    [policy.requestsPerSecond, 'requests', 'second'],
    [policy.requestsPerMinute, 'requests', 'minute'],
    [policy.requestsPerHour, 'requests', 'hour'],
    [policy.requestsPerDay, 'requests', 'day'],
    [policy.inputTokensPerMinute, 'input_tokens', 'minute'],
    [policy.outputTokensPerMinute, 'output_tokens', 'minute'],
    [policy.totalTokensPerDay, 'total_tokens', 'day'],
    [policy.costPerHourNanos, 'cost', 'hour'],
    [policy.costPerDayNanos, 'cost', 'day'],
    [policy.costPerMonthNanos, 'cost', 'month'],
    [policy.maxParallelRequests, 'parallel_requests', 'none'],
  ];
}
