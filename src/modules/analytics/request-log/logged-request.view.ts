import { usdNumber } from '#common/money/money.js';
import { featuresOf } from '#modules/keys/index.js';
import type { BodyKind, StoredBody, UsageEvent } from '#modules/usage/index.js';

import type { KeptBodyResponse, LoggedRequestResponse } from './dto/request-log.responses.js';

export function viewRequest(
  event: UsageEvent,
  kinds: ReadonlySet<BodyKind> | undefined,
  userId: string | null,
): LoggedRequestResponse {
  return {
    id: event.id,
    key_id: event.keyId,
    user_id: userId,
    occurred_at: event.occurredAt.toISOString(),
    surface: event.surface,
    model: event.model,
    provider: event.provider || null,
    upstream_model: event.upstreamModel || null,
    status: event.status,
    outcome: event.outcome,
    stream: event.stream,
    features: featuresOf(event.features),
    input_tokens: event.inputTokens,
    cached_input_tokens: event.cachedInputTokens,
    output_tokens: event.outputTokens,
    reasoning_tokens: event.reasoningTokens,
    usage_source: event.usageSource,
    cost: usdNumber(event.costNanos),
    price_version: event.priceVersion,
    latency_ms: event.latencyMs,
    first_byte_ms: event.firstByteMs,
    has_request_body: kinds?.has('request') ?? false,
    has_response_body: kinds?.has('response') ?? false,
  };
}

export function viewBody(bodies: readonly StoredBody[], kind: BodyKind): KeptBodyResponse | null {
  const body = bodies.find((one) => one.kind === kind);
  return body ? { content: body.content, bytes: body.bytes, truncated: body.isTruncated } : null;
}
