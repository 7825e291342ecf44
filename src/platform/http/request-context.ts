import type { Principal } from '#common/auth/principal.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the access guard; `null` on public routes. */
    principal: Principal | null;
  }
}

/** The path of a request target, without its query. */
export function pathOf(url: string): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}
