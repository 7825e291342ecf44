import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { CountryLookup } from '#platform/geoip/country-lookup.port.js';

import { ClientFacts } from './client-facts.js';

/** From where a request came; each `null` where that is not known. */
export type Client = {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  /** Two upper-case letters. */
  readonly country: string | null;
};

/** Finds out from where requests came, for what is written down of them. */
@Injectable()
export class Clients {
  readonly #facts: ClientFacts;

  constructor(
    private readonly countries: CountryLookup,
    @Inject(CONFIG) { http }: Config,
  ) {
    this.#facts = new ClientFacts(http.trustedProxies, http.countryHeader);
  }

  of(request: IncomingMessage): Client {
    const address = this.#facts.addressOf(request);
    return {
      ipAddress: address === '' ? null : address,
      userAgent: request.headers['user-agent'] ?? null,
      country: this.#facts.countryHeaderOf(request) ?? this.countries.countryOf(address),
    };
  }
}
