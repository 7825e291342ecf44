import proxyAddr from '@fastify/proxy-addr';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { normalizeAddress } from '#common/net/cidr.js';

/** More proxies than any request passes; what stands further left in `X-Forwarded-For` is not looked at. */
const MAX_TRUSTED_HOPS = 32;
/** No address is longer, with brackets, port and zone id. */
const MAX_ITEM_LENGTH = 72;

/**
 * Tells the address that a request comes from: the connection's own peer, unless that is a trusted proxy. It is the
 * plain address: without port, brackets and zone id, and IPv4 where IPv6 only carries it. Where a trusted proxy names
 * something else (`unknown`), or the connection is gone, it is the empty string, which is nobody's address.
 */
export class ClientAddress {
  readonly #isTrusted: ((address: string, hop: number) => boolean) | null;
  /** Proxies keep their connections; a connection's peer stays the same. */
  readonly #trustOfPeers = new WeakMap<Socket, boolean>();

  /** @param trustedProxies addresses and CIDRs whose `X-Forwarded-For` is believed */
  constructor(trustedProxies: readonly string[]) {
    this.#isTrusted = trustedProxies.length === 0 ? null : proxyAddr.compile([...trustedProxies]);
  }

  of(request: IncomingMessage): string {
    const isReported = this.isPeerTrusted(request) && Boolean(request.headers['x-forwarded-for']);
    if (!isReported) return peerOf(request);
    // Each item is judged by the address in it, from the right; the first hop is the peer.
    const item = proxyAddr(request, (text, hop) => hop === 0 || this.#isTrustedItem(text, hop));
    return addressOfItem(item) ?? '';
  }

  /** Whether the connection was opened by a trusted proxy, so that the headers it sets can be believed. */
  isPeerTrusted({ socket }: IncomingMessage): boolean {
    if (!this.#isTrusted) return false;
    let isTrusted = this.#trustOfPeers.get(socket);
    if (isTrusted === undefined) {
      isTrusted = this.#isTrusted(socket.remoteAddress ?? '', 0);
      this.#trustOfPeers.set(socket, isTrusted);
    }
    return isTrusted;
  }

  #isTrustedItem(text: string, hop: number): boolean {
    if (!this.#isTrusted || hop >= MAX_TRUSTED_HOPS) return false;
    const address = addressOfItem(text);
    return address !== null && this.#isTrusted(address, hop);
  }
}

/** Node writes a peer's address canonically, so there is nothing to parse. */
function peerOf({ socket }: IncomingMessage): string {
  const address = socket.remoteAddress ?? '';
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : withoutZone(address);
}

/** Some proxies write the client's port too, and then IPv6 in brackets (as RFC 7239 §6 has it). */
function addressOfItem(item: string | undefined): string | null {
  if (item === undefined || item.length > MAX_ITEM_LENGTH) return null;
  const [, bracketed, ipv4] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/.exec(item) ?? [];
  return normalizeAddress(bracketed ?? ipv4 ?? item);
}

function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
}
