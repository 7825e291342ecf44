import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerOptions,
} from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import { toError } from '#common/errors/to-error.js';
import { newRequestId } from '#common/ids/request-id.js';
import { SystemClock } from '#common/time/clock.js';
import type { Config } from '#platform/config/env.js';
import { type Logger, NestLogger } from '#platform/observability/logger.js';

import { MANAGEMENT_BODY_LIMIT, parseManagementJson, readBody } from './body.js';
import { answerClientError } from './client-error.js';
import { answerPreflights, noteOrigin } from './cors.js';
import { boundDrain, DrainingAdapter } from './drain.js';
import type { EndpointMetadata } from './endpoint.decorator.js';
import { errorHeaders, renderError } from './error-envelopes.js';
import { HotRoutes } from './hot-routes.js';
import { serveApiDocument } from './openapi.js';
import { pathOf } from './request-context.js';
import { RouteFinder, ROUTER_OPTIONS } from './route-finder.js';
import { toAppError } from './to-app-error.js';
import { serveUpgrades } from './upgrades.js';
import { createValidationPipe } from './validation.pipe.js';

/** The server is made here, because Fastify would switch Node's limit on slow bodies off. */
const SERVER_OPTIONS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 15_000,
  /** For the whole request to arrive. */
  requestTimeout: 120_000,
  keepAliveTimeout: 72_000,
};

/** The HTTP application, ready to listen. */
export async function createHttpApp(
  module: Type | DynamicModule,
  config: Config,
  logger: Logger,
): Promise<NestFastifyApplication> {
  const { trustedProxies } = config.http;
  const clock = new SystemClock();
  let hotRoutes: HotRoutes | null = null;
  let isClosing = false;
  const adapter = new DrainingAdapter({
    // The connection's own peer, unless the operator names the proxies that may speak for others.
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    genReqId: () => newRequestId(clock.now()),
    bodyLimit: MANAGEMENT_BODY_LIMIT,
    routerOptions: ROUTER_OPTIONS,
    forceCloseConnections: 'idle',
    // Nor is Nest's option of that name set: their answer is in no envelope of ours, and takes the health probes along.
    return503OnClosing: false,
    serverFactory: (handler: RequestListener) => {
      const server = createServer(SERVER_OPTIONS, (request, response) => {
        // Closing waits for the connections, and a client that goes on calling would keep its own busy all the while.
        if (isClosing) response.shouldKeepAlive = false;
        noteOrigin(request, response);
        if (!hotRoutes?.take(request, response)) handler(request, response);
      });
      serveUpgrades(server, (request, response) => {
        noteOrigin(request, response);
        handler(request, response);
      });
      return server;
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: answerFrameworkError,
  });
  adapter.closing.addEventListener('abort', () => (isClosing = true));
  prepareFastify(adapter.getInstance());
  refuseOnceClosing(adapter.getInstance(), adapter.closing);
  answerPreflights(adapter.getInstance());
  boundDrain(adapter.getInstance());
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: new NestLogger(logger),
    bodyParser: false,
    abortOnError: false,
    routeConflictPolicy: { duplicate: 'error', shadow: 'error' },
  });
  app.useGlobalPipes(createValidationPipe());
  hotRoutes = app.get(HotRoutes);
  app.get(RouteFinder).follow(adapter.getInstance());
  // A worker has no API to describe.
  if (config.role !== 'worker') serveApiDocument(app as INestApplication);
  return app;
}

function prepareFastify(fastify: FastifyInstance): void {
  fastify.decorateRequest('principal', null);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    reply.header('x-request-id', request.id);
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
    done(null, payload);
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', parseBody);
}

/**
 * What arrives too late, on a connection that is left, may be tried on another instance. What is public goes on being
 * answered: it is there to tell how this process is.
 */
function refuseOnceClosing(fastify: FastifyInstance, closing: AbortSignal): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!closing.aborted || endpointOf(request)?.scope === 'public') {
      done();
      return;
    }
    const error = new AppError('service_unavailable', {
      message: 'This instance is shutting down. Try again.',
      headers: { 'retry-after': '1', connection: 'close' },
    });
    // Not through the error filter, which would log it as a failure: each deployment has as many as it has clients.
    sendError(error, request, reply);
  });
}

/** What Fastify refuses before it looks for a route: a path that can't be decoded. */
function answerFrameworkError(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  sendError(toAppError(error, request.method, pathOf(request.url)), request, reply);
}

function sendError(error: AppError, request: FastifyRequest, reply: FastifyReply): void {
  const { contentType, body } = renderError(error, request.id, pathOf(request.url));
  void reply
    .status(error.status)
    .headers({ 'content-type': contentType, 'x-request-id': request.id, ...errorHeaders(error) })
    .send(JSON.stringify(body));
}

function endpointOf(request: FastifyRequest): EndpointMetadata | undefined {
  return (request.routeOptions.config as { endpoint?: EndpointMetadata }).endpoint;
}

/**
 * Some routes read their body themselves, once the caller is known (`readsBody`). Every other body is JSON; an empty one
 * counts as absent, because many clients send a content type with an empty DELETE or POST.
 */
function parseBody(
  request: FastifyRequest,
  payload: IncomingMessage,
  done: (error: Error | null, body?: unknown) => void,
): void {
  if (endpointOf(request)?.readsBody) {
    done(null);
    return;
  }
  readBody(payload, MANAGEMENT_BODY_LIMIT)
    .then((body) => (body.length === 0 ? {} : parseManagementJson(body)))
    .then(
      (value) => done(null, value),
      (error: unknown) => done(toError(error)),
    );
}
