import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { AppError } from '#common/errors/app-error.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

import { AppPassport } from './app-passport.js';
import { refuseBoundedKey } from './refuse-bounded-key.js';

/**
 * Every route passes here and is refused unless it says what it needs (`@Endpoint`). It goes by the matched route's own
 * metadata, never by the text of the URL, so no spelling of a path gets around it.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(private readonly passport: AppPassport) {}

  async canActivate(context: ExecutionContext): Promise<true> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const { endpoint } = request.routeOptions.config as { endpoint?: EndpointMetadata };
    if (!endpoint) throw new AppError('not_found');
    if (endpoint.scope !== 'public') {
      const { raw: response } = http.getResponse<FastifyReply>();
      const principal = await this.passport.admit(request.raw, response, endpoint);
      refuseBoundedKey(endpoint, principal);
      request.principal = principal;
    }
    return true;
  }
}
