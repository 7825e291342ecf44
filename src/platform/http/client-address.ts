import proxyAddr from '@fastify/proxy-addr';
import type { IncomingMessage } from 'node:http';

/** Tells the address that a request comes from: the connection's own peer, unless that is a trusted proxy. */
export class ClientAddress {
  readonly #isTrusted: (address: string, hop: number) => boolean;

  /** @param trustedProxies addresses and CIDRs whose `X-Forwarded-For` is believed */
  constructor(trustedProxies: readonly string[]) {
    this.#isTrusted =
      trustedProxies.length === 0 ? () => false : proxyAddr.compile([...trustedProxies]);
  }

  of(request: IncomingMessage): string {
    return proxyAddr(request, this.#isTrusted);
  }
}
