import {
  type CallHandler,
  type ExecutionContext,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';

import type { Principal } from '#common/auth/principal.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { CountryLookup } from '#platform/geoip/country-lookup.port.js';
import { ClientFacts } from '#platform/http/client-facts.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';

import { type Actor, Actors } from './actor.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whoever sent a request that may change something is the one who acts in all that comes of it. */
@Injectable()
export class ActingInterceptor implements NestInterceptor {
  readonly #facts: ClientFacts;

  constructor(
    private readonly actors: Actors,
    private readonly countries: CountryLookup,
    @Inject(CONFIG) { http }: Config,
  ) {
    this.#facts = new ClientFacts(http.trustedProxies, http.countryHeader);
  }

  intercept(context: ExecutionContext, next: CallHandler<unknown>): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { endpoint } = request.routeOptions.config as { endpoint?: EndpointMetadata };
    if (endpoint?.kind === 'inference') return next.handle();
    if (SAFE_METHODS.has(request.method) && endpoint?.isAudited !== true) return next.handle();
    return from(
      this.actors.act(this.#actorOf(request), () =>
        lastValueFrom(next.handle(), { defaultValue: undefined }),
      ),
    );
  }

  #actorOf({ principal, raw, id }: FastifyRequest): Actor {
    const ipAddress = this.#facts.addressOf(raw);
    return {
      ...identityOf(principal),
      ipAddress: ipAddress === '' ? null : ipAddress,
      userAgent: raw.headers['user-agent'] ?? null,
      country: this.#facts.countryHeaderOf(raw) ?? this.countries.countryOf(ipAddress),
      requestId: id,
    };
  }
}

type Identity = Pick<Actor, 'type' | 'id' | 'userId' | 'keyId' | 'sessionId'>;

function identityOf(principal: Principal | null): Identity {
  if (!principal)
    return { type: 'anonymous', id: null, userId: null, keyId: null, sessionId: null };
  const { keyId, secretId, userId, serviceAccountId, role } = principal;
  if (role !== null) return { type: 'user', id: userId, userId, keyId: null, sessionId: secretId };
  const byKey = { userId, keyId, sessionId: null };
  return serviceAccountId === null
    ? { ...byKey, type: 'key', id: keyId }
    : { ...byKey, type: 'service_account', id: serviceAccountId };
}
