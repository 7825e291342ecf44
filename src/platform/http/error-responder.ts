import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Counter, type Registry } from 'prom-client';

import type { Principal } from '#common/auth/principal.js';
import type { AppError } from '#common/errors/app-error.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { METRICS } from '#platform/observability/metrics.js';
import { scrubTexts } from '#platform/observability/secret-patterns.js';

import { errorHeaders, renderError } from './error-envelopes.js';
import { type RefusedRequest, refusedCallerOf } from './refused-requests.js';
import { toAppError } from './to-app-error.js';

/** What is known of the request that failed. */
export type FailedRequest = {
  readonly requestId: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly request: IncomingMessage;
  /** `null` where nobody knows who sent it, or a guard has refused them: see {@link noteRefusedCaller}. */
  readonly principal: Principal | null;
};

export type ErrorAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** The one place where an error becomes an answer, for whatever has thrown it and whatever sends it. */
@Injectable()
export class ErrorResponder {
  readonly #errors: Counter;
  #onRefusal: ((refused: RefusedRequest) => void) | null = null;

  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) registry: Registry,
  ) {
    this.#errors = new Counter({
      name: 'latchkey_error_answers_total',
      help: 'Error answers of all routes by their code.',
      labelNames: ['code'],
      registers: [registry],
    });
  }

  /** The listener is told of each error answer. It must not throw. */
  whenRefused(listener: (refused: RefusedRequest) => void): void {
    this.#onRefusal = listener;
  }

  /** The whole answer; the error is logged as the operator needs it. */
  answerTo(thrown: unknown, request: FailedRequest): ErrorAnswer {
    const error = toAppError(thrown, request.method, request.path);
    this.#errors.inc({ code: error.code });
    this.#log(error, request);
    const principal = request.principal ?? refusedCallerOf(request.request);
    this.#onRefusal?.({ ...request, error, principal });
    const { contentType, body } = renderError(error, request.requestId, request.path);
    return {
      status: error.status,
      headers: {
        'x-request-id': request.requestId,
        'content-type': contentType,
        'cache-control': 'no-store',
        ...errorHeaders(error),
      },
      // What a caller has sent may be quoted in it, and people paste their keys into the wrong field.
      body: JSON.stringify(body, scrubTexts),
    };
  }

  /** Sends the answer, or ends the connection where one has begun already. */
  send(response: ServerResponse, thrown: unknown, request: FailedRequest): void {
    const { status, headers, body } = this.answerTo(thrown, request);
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
    response.end(body);
  }

  #log(error: AppError, { requestId, method, path }: FailedRequest): void {
    const facts = { request_id: requestId, method, path, status: error.status, code: error.code };
    if (error.status < 500) this.logger.debug(facts, error.message);
    else this.logger.error({ ...facts, err: error.cause ?? error }, error.message);
  }
}
