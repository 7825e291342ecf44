import type { UsageRecord } from '#modules/usage/index.js';

/** An ordinary record; what a test is about it says itself. */
export function usageRecord(facts: Partial<UsageRecord> = {}): UsageRecord {
  return {
    id: 'req_1',
    caller: { organizationId: 'org_1', keyId: 'key_1' },
    route: { model: 'm', provider: 'p', upstreamModel: 'u', priceVersion: null },
    occurredAtMs: Date.now(),
    surface: 'chat.completions',
    status: 200,
    outcome: 'completed',
    stream: false,
    inputTokens: 1,
    cachedInputTokens: 0,
    outputTokens: 1,
    reasoningTokens: 0,
    usageSource: 'upstream',
    costNanos: 1n,
    latencyMs: 1,
    firstByteMs: 1,
    features: 0,
    ...facts,
  };
}
