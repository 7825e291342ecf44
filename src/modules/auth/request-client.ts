import { Inject, Injectable } from '@nestjs/common';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { type ClientDescription, type KeyView, SecretUses } from '#modules/keys/index.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { CountryLookup } from '#platform/geoip/country-lookup.port.js';
import { ClientFacts } from '#platform/http/client-facts.js';

import { WatchedUses } from './watched-uses.js';

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

/** A key, and all of a request that a {@link RequestClient} may go by, but for what its connection has for good. */
type LetIn = {
  readonly view: KeyView;
  readonly origin: string | undefined;
  readonly referrer: string | undefined;
  readonly userAgent: string | undefined;
  readonly forwardedFor: IncomingHttpHeaders[string];
  readonly forwardedProto: IncomingHttpHeaders[string];
  readonly country: IncomingHttpHeaders[string];
};

/** Who sent which request. */
@Injectable()
export class RequestClients {
  readonly #facts: ClientFacts;
  readonly #countryHeader: string;
  readonly #addressOf = (request: IncomingMessage): string => this.#facts.addressOf(request);
  /** Nearly all requests of a connection come from the same client with the same key. */
  readonly #lastLetIn = new WeakMap<Socket, LetIn>();

  constructor(
    private readonly countries: CountryLookup,
    private readonly uses: SecretUses,
    private readonly watched: WatchedUses,
    @Inject(CONFIG) config: Config,
  ) {
    const { trustedProxies, countryHeader } = config.http;
    this.#facts = new ClientFacts(trustedProxies, countryHeader);
    this.#countryHeader = countryHeader ?? '';
  }

  of(request: IncomingMessage): ClientDescription {
    return new RequestClient(request, this.#facts, this.countries);
  }

  /** Whether the rules of this key have just let this very client in; they look at nothing else, and always say the same. */
  wasLetIn({ headers, socket }: IncomingMessage, view: KeyView): boolean {
    const last = this.#lastLetIn.get(socket);
    return (
      last?.view === view &&
      last.userAgent === headers['user-agent'] &&
      last.origin === headers.origin &&
      last.referrer === headers.referer &&
      last.forwardedFor === headers['x-forwarded-for'] &&
      last.forwardedProto === headers['x-forwarded-proto'] &&
      last.country === headers[this.#countryHeader]
    );
  }

  rememberLetIn({ headers, socket }: IncomingMessage, view: KeyView): void {
    this.#lastLetIn.set(socket, {
      view,
      origin: headers.origin,
      referrer: headers.referer,
      userAgent: headers['user-agent'],
      forwardedFor: headers['x-forwarded-for'],
      forwardedProto: headers['x-forwarded-proto'],
      country: headers[this.#countryHeader],
    });
  }

  /** That this request, which was let in, presented the secret of this view. */
  noteUse(request: IncomingMessage, view: KeyView): void {
    this.uses.note(view.secretId, request, this.#addressOf);
    if (view.isWatched) this.watched.note(view, request, this.addressOf(request));
  }

  addressOf(request: IncomingMessage): string {
    return this.#facts.addressOf(request);
  }

  isHttps(request: IncomingMessage): boolean {
    return this.#facts.isHttps(request);
  }
}
