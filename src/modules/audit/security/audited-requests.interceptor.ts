import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Observable, tap } from 'rxjs';

import { actorOf } from '#platform/audit-trail/actor.js';
import { AuditSpool } from '#platform/audit-trail/audit-spool.port.js';
import { Clients } from '#platform/http/clients.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';
import { pathOf } from '#platform/http/request-context.js';

/** Writes to the audit log what keys do with the API whose policy says `log_all_requests`. Calls of models have their own way. */
@Injectable()
export class AuditedRequestsInterceptor implements NestInterceptor {
  constructor(
    private readonly spool: AuditSpool,
    private readonly clients: Clients,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const { endpoint } = request.routeOptions.config as { endpoint?: EndpointMetadata };
    if (request.principal?.auditedRequests !== 'all' || endpoint?.kind === 'inference') {
      return next.handle();
    }
    this.spool.assertReadyFor(request.principal);
    return next.handle().pipe(
      tap({
        complete: () => this.#served(request, http.getResponse<FastifyReply>().statusCode),
      }),
    );
  }

  #served({ principal, raw, id, method, url }: FastifyRequest, status: number): void {
    if (!principal) return;
    const { organizationId, keyId } = principal;
    this.spool.write(
      {
        organizationId,
        action: 'request.served',
        target: { type: 'key', id: keyId },
        details: { method, path: pathOf(url), status },
      },
      actorOf(principal, this.clients.of(raw), id),
    );
  }
}
