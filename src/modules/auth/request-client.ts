import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import type { ClientDescription } from '#modules/keys/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { CountryLookup } from '#platform/geoip/country-lookup.port.js';
import { ClientFacts } from '#platform/http/client-facts.js';

/** Who sent a request, found out only as far as one of the key's rules looks at it. */
class RequestClient implements ClientDescription {
  constructor(
    private readonly request: IncomingMessage,
    private readonly facts: ClientFacts,
    private readonly countries: CountryLookup,
  ) {}

  get address(): string {
    return this.facts.addressOf(this.request);
  }

  get isHttps(): boolean {
    return this.facts.isHttps(this.request);
  }

  /** What the operator's proxy says goes before what the database says. */
  get country(): string | null {
    return this.facts.countryHeaderOf(this.request) ?? this.countries.countryOf(this.address);
  }

  get origin(): string | null {
    return this.request.headers.origin ?? null;
  }

  get referrer(): string | null {
    return this.request.headers.referer ?? null;
  }

  get userAgent(): string | null {
    return this.request.headers['user-agent'] ?? null;
  }
}

/** Who sent which request. */
@Injectable()
export class RequestClients {
  readonly #facts: ClientFacts;

  constructor(
    private readonly countries: CountryLookup,
    @Inject(CONFIG) config: Config,
  ) {
    this.#facts = new ClientFacts(config.http.trustedProxies, config.http.countryHeader);
  }

  of(request: IncomingMessage): ClientDescription {
    return new RequestClient(request, this.#facts, this.countries);
  }

  addressOf(request: IncomingMessage): string {
    return this.#facts.addressOf(request);
  }

  isHttps(request: IncomingMessage): boolean {
    return this.#facts.isHttps(request);
  }
}
