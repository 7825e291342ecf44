import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { ErrorResponder } from './error-responder.js';
import { pathOf } from './request-context.js';

/** Answers for errors of routes, guards, pipes, body parsers and unknown paths. */
@Catch()
export class AppErrorFilter implements ExceptionFilter {
  constructor(private readonly responder: ErrorResponder) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const { status, headers, body } = this.responder.answerTo(thrown, {
      requestId: request.id,
      method: request.method,
      path: pathOf(request.url),
      request: request.raw,
      principal: request.principal,
    });
    if (reply.raw.headersSent || reply.raw.destroyed) reply.raw.destroy();
    else void reply.status(status).headers(headers).send(body);
  }
}
