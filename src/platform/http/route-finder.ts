import { Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import findMyWay, { type HTTPMethod } from 'find-my-way';

import type { EndpointMetadata } from './endpoint.decorator.js';

/** Fastify's own; given to both, so that both find the same. */
export const ROUTER_OPTIONS = { maxParamLength: 512 } as const;

export type FoundRoute = {
  /** As it is registered: `/v1/keys/:id`. */
  readonly url: string;
  readonly endpoint: EndpointMetadata;
};

/** The pages about the API say nothing of what they need, and are open to all. */
const ABOUT_THE_API: EndpointMetadata = { scope: 'public' };

/** Tells which route a request would reach, without sending it: by the router of Fastify, over the routes it has. */
@Injectable()
export class RouteFinder {
  readonly #router = findMyWay({ ...ROUTER_OPTIONS });

  /** From now on every route that is added to `fastify` is known here. */
  follow(fastify: FastifyInstance): void {
    fastify.addHook('onRoute', ({ method, url, config }) => {
      const { endpoint = ABOUT_THE_API } = (config ?? {}) as { endpoint?: EndpointMetadata };
      const found: FoundRoute = { url, endpoint };
      this.#router.on([method].flat() as HTTPMethod[], url, unused, found);
    });
  }

  /** @param path a request target, with or without a query; `null` for one that no route answers */
  find(method: string, path: string): FoundRoute | null {
    const found = this.#router.find(method as HTTPMethod, path);
    return (found?.store as FoundRoute | undefined) ?? null;
  }
}

/** The router wants a handler for each route; nothing is handled here. */
function unused(): void {
  throw new Error('A route that is looked for is not called.');
}
