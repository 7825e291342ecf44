import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { firstValueFrom, from, map, type Observable } from 'rxjs';

import { AppError } from '#common/errors/app-error.js';

import type { EndpointMetadata } from '../endpoint.decorator.js';
import { pathOf } from '../request-context.js';
import { type Answer, IdempotencyStore } from './idempotency.store.js';

/** The draft's header is a quoted string (RFC 9651); most clients send it bare. Both are read. */
const IDEMPOTENCY_KEY = /^"?([\x21\x23-\x7e]{1,255})"?$/;

@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly store: IdempotencyStore) {}

  intercept(context: ExecutionContext, next: CallHandler<Answer>): Observable<Answer> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const header = request.headers['idempotency-key'];
    const { principal } = request;
    if (header === undefined || !principal) return next.handle();
    const endpoint = (request.routeOptions.config as { endpoint?: EndpointMetadata }).endpoint;
    const call = {
      organizationId: principal.organizationId,
      keyId: principal.keyId,
      method: request.method,
      path: pathOf(request.url),
      idempotencyKey: parseHeader(header),
      body: request.body,
      secretFields: endpoint?.idempotent?.secretFields ?? [],
    };
    return from(this.store.once(call, () => firstValueFrom(next.handle()))).pipe(
      map(({ answer, replayed }) => {
        if (replayed) void http.getResponse<FastifyReply>().header('idempotency-replayed', 'true');
        return answer;
      }),
    );
  }
}

function parseHeader(header: string | string[]): string {
  const match = typeof header === 'string' ? IDEMPOTENCY_KEY.exec(header) : null;
  if (!match) {
    throw new AppError('invalid_request', {
      message: 'Idempotency-Key must be 1 to 255 visible ASCII characters without quotes.',
      param: 'Idempotency-Key',
    });
  }
  return match[1] as string;
}
