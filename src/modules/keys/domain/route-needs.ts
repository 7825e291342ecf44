import { scopeMask } from '#common/auth/scopes.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

import type { Operation } from './policy/key-policy.js';
import type { RequestFacts } from './request-facts.js';

/** What a route asks of a key, whoever calls it. */
export type RouteNeeds = Pick<RequestFacts, 'neededScopes' | 'isReadOnlyRoute'>;

export function routeNeeds({ scope, allowsReadOnlyKeys }: EndpointMetadata): RouteNeeds {
  const isForAnyKey = scope === 'public' || scope === 'authenticated';
  return {
    neededScopes: isForAnyKey ? 0 : scopeMask([scope]),
    isReadOnlyRoute: allowsReadOnlyKeys === true,
  };
}

/** Of the safe methods (RFC 9110 §9.2.1) those that are served at all are the ones that read. */
export function operationOf(method: string | undefined): Operation {
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write';
}
