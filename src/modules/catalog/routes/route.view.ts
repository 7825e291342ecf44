import { usdNumber } from '#common/money/money.js';

import type { DeletedRouteResponse, RouteResponse } from './dto/route.responses.js';
import type { RouteEntity } from './route.entity.js';

export function viewRoute(route: RouteEntity): RouteResponse {
  const { cachedInputNanosPerMillion: cached } = route;
  return {
    id: route.id,
    model: route.model,
    provider_id: route.providerId,
    upstream_model: route.upstreamModel,
    price: {
      input_per_million: usdNumber(route.inputNanosPerMillion),
      output_per_million: usdNumber(route.outputNanosPerMillion),
      cached_input_per_million: cached === null ? null : usdNumber(cached),
    },
    priority: route.priority,
    weight: route.weight,
    context_length: route.contextLength,
    max_output_tokens: route.maxOutputTokens,
    created_at: route.createdAt.toISOString(),
    version: route.version,
  };
}

export function viewDeletedRoute(id: string): DeletedRouteResponse {
  return { id, deleted: true };
}
