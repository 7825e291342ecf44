import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import { type ScopeMask, scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { authorize, KeyDirectory, type KeyView } from '#modules/keys/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { ClientAddress } from '#platform/http/client-address.js';
import type { EndpointMetadata } from '#platform/http/endpoint.decorator.js';
import { HotRoutes } from '#platform/http/hot-routes.js';

import { bearerToken } from './bearer-token.js';
import { FailedAttempts } from './failed-attempts.js';

/** Who calls, and whether they may call this route: the one answer for every way into the API. */
@Injectable()
export class AccessControl implements OnModuleInit {
  readonly #neededScopes = new WeakMap<EndpointMetadata, ScopeMask>();
  readonly #address: ClientAddress;

  constructor(
    private readonly keys: KeyDirectory,
    private readonly failedAttempts: FailedAttempts,
    private readonly clock: Clock,
    private readonly hotRoutes: HotRoutes,
    @Inject(CONFIG) config: Config,
  ) {
    this.#address = new ClientAddress(config.http.trustedProxies);
  }

  onModuleInit(): void {
    this.hotRoutes.guardWith((request, endpoint) => this.admit(request, endpoint));
  }

  /** @throws {AppError} `missing_api_key`, `invalid_api_key` and every code that `authorize` gives */
  admit(request: IncomingMessage, endpoint: EndpointMetadata): KeyView | Promise<KeyView> {
    const found = this.#find(request);
    return found instanceof Promise
      ? found.then((view) => this.#check(request, endpoint, view))
      : this.#check(request, endpoint, found);
  }

  #find(request: IncomingMessage): KeyView | null | Promise<KeyView | null> {
    try {
      return this.keys.find(bearerToken(request));
    } catch (error) {
      this.failedAttempts.count(this.#address.of(request));
      throw error;
    }
  }

  #check(request: IncomingMessage, endpoint: EndpointMetadata, view: KeyView | null): KeyView {
    if (!view) {
      this.failedAttempts.count(this.#address.of(request));
      throw new AppError('invalid_api_key');
    }
    const decision = authorize(view, {
      now: this.clock.now(),
      neededScopes: this.#needed(endpoint),
      isReadOnlyRoute: false,
    });
    if (!decision.allowed) throw refusal(decision.code, endpoint);
    return view;
  }

  #needed(endpoint: EndpointMetadata): ScopeMask {
    const known = this.#neededScopes.get(endpoint);
    if (known !== undefined) return known;
    const { scope } = endpoint;
    const mask = scope === 'public' || scope === 'authenticated' ? 0 : scopeMask([scope]);
    this.#neededScopes.set(endpoint, mask);
    return mask;
  }
}

function refusal(code: AppError['code'], { scope }: EndpointMetadata): AppError {
  if (code !== 'insufficient_scope') return new AppError(code);
  return new AppError(code, {
    message: `This API key lacks the scope ${scope}.`,
    headers: {
      // RFC 6750 §3.1
      'www-authenticate': `Bearer realm="latchkey", error="insufficient_scope", scope="${scope}"`,
    },
    details: { scope },
  });
}
