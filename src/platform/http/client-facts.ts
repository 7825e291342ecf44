import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';

import { toCountryCode } from '#platform/geoip/country-code.js';

import { ClientAddress } from './client-address.js';

/**
 * What can be known of a client besides its key. What a header says counts only when the connection's own peer is a
 * trusted proxy; it is the operator's part that the proxy overwrites what clients send. Without trusted proxies no
 * header is looked at.
 */
export class ClientFacts {
  readonly #address: ClientAddress;

  /**
   * @param trustedProxies addresses and CIDRs of the proxies that may speak for others
   * @param countryHeader lower-case name of the header in which they give the client's country; `null` for none
   */
  constructor(
    trustedProxies: readonly string[],
    private readonly countryHeader: string | null,
  ) {
    this.#address = new ClientAddress(trustedProxies);
  }

  /** The client's plain address, as {@link ClientAddress} tells it; the empty string when it is not known. */
  addressOf(request: IncomingMessage): string {
    return this.#address.of(request);
  }

  /**
   * Whether the client came over TLS: to this process, or to the trusted proxy by its `X-Forwarded-Proto: https`. A
   * header with several values is no statement, as one of them may be the client's own.
   */
  isHttps(request: IncomingMessage): boolean {
    if ((request.socket as Partial<TLSSocket>).encrypted === true) return true;
    if (!this.#address.isPeerTrusted(request)) return false;
    const scheme = request.headers['x-forwarded-proto'];
    return typeof scheme === 'string' && scheme.trim().toLowerCase() === 'https';
  }

  /**
   * The country that the trusted proxy names, as two upper-case letters. `null` when it names none: also for
   * Cloudflare's `XX` (unknown) and `T1` (Tor), and where the header was sent twice.
   */
  countryHeaderOf(request: IncomingMessage): string | null {
    if (this.countryHeader === null || !this.#address.isPeerTrusted(request)) return null;
    return toCountryCode(request.headers[this.countryHeader]);
  }
}
