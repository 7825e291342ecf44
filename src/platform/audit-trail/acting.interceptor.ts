import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';

import { Clients } from '#platform/http/clients.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

import { actorOf, Actors } from './actor.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whoever sent a request that may change something is the one who acts in all that comes of it. */
@Injectable()
export class ActingInterceptor implements NestInterceptor {
  constructor(
    private readonly actors: Actors,
    private readonly clients: Clients,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { endpoint } = request.routeOptions.config as { endpoint?: EndpointMetadata };
    if (endpoint?.kind === 'inference') return next.handle();
    if (SAFE_METHODS.has(request.method) && endpoint?.isAudited !== true) return next.handle();
    const actor = actorOf(request.principal, this.clients.of(request.raw), request.id);
    return from(
      this.actors.act(actor, () => lastValueFrom(next.handle(), { defaultValue: undefined })),
    );
  }
}
