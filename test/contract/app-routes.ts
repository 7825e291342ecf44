import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import type { FastifyInstance, RouteOptions } from 'fastify';

import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

/** A route as Fastify serves it. */
export type AppRoute = {
  readonly method: string;
  /** In Fastify's spelling: `/v1/keys/:id`. */
  readonly url: string;
  readonly endpoint: EndpointMetadata | null;
};

const CHANNEL = 'fastify.initialization';

/** Starts an application and answers with it every route that its server really has, whoever has added it. */
export async function withRoutes<T>(
  start: () => Promise<T>,
): Promise<{ readonly app: T; readonly routes: readonly AppRoute[] }> {
  const routes: AppRoute[] = [];
  const listen = (message: unknown): void => {
    const { fastify } = message as { readonly fastify: FastifyInstance };
    fastify.addHook('onRoute', (route: RouteOptions) => {
      const { endpoint = null } = (route.config ?? {}) as { endpoint?: EndpointMetadata };
      for (const method of [route.method].flat()) {
        routes.push({ method, url: route.url, endpoint });
      }
    });
  };
  subscribe(CHANNEL, listen);
  try {
    return { app: await start(), routes };
  } finally {
    unsubscribe(CHANNEL, listen);
  }
}

/** The path as the OpenAPI document spells it. */
export function documentedPath(url: string): string {
  return url.replace(/:(\w+)/g, '{$1}').replace('*', '{path}');
}
