import type { FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';

const PREFLIGHT_SECONDS = 600;
/** Headers of answers that a page may read besides those that it always may. */
const EXPOSED = [
  'deprecation',
  'etag',
  'link',
  'preference-applied',
  'retry-after',
  'sunset',
  'x-latchkey-provider',
  'x-request-id',
].join(', ');

/**
 * Answers CORS preflights (Fetch standard, §3.3.5). A preflight carries no key, so it promises nothing but that
 * the call may be tried, without cookies; whether a page gets to read the answer is decided by the key of the call itself.
 */
export function answerPreflights(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const { origin, 'access-control-request-method': method } = request.headers;
    if (request.method !== 'OPTIONS' || origin === undefined || method === undefined) {
      done();
      return;
    }
    void reply
      .status(204)
      .headers({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
        // `*` would not stand for `authorization`.
        'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '*',
        'access-control-max-age': String(PREFLIGHT_SECONDS),
        vary: 'access-control-request-headers',
      })
      .send();
  });
}

/** Answers to requests of pages. Whoever finds out whose key a request has has the request alone. */
const answersToPages = new WeakMap<IncomingMessage, ServerResponse>();

/** For each request that arrives. */
export function noteOrigin(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.origin !== undefined) answersToPages.set(request, response);
}

/**
 * Lets the page that sent a request read its answer, also if it is an error.
 * @param origin the page's, where the caller is restricted to some; `*` where it is not
 */
export function allowOrigin(request: IncomingMessage, origin: string): void {
  const response = answersToPages.get(request);
  if (!response) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', EXPOSED);
  if (origin !== '*') response.setHeader('vary', 'origin');
}
