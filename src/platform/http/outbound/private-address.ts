import ipaddr from 'ipaddr.js';
import { lookup as systemLookup, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';

/** IANA gives out addresses of the public IPv6 internet from this block only (RFC 4291 §2.4, IANA registry). */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** The target is not on the public internet, and this installation may only call what is. */
export class ForbiddenTargetError extends Error {
  readonly code = 'ERR_FORBIDDEN_TARGET';

  constructor(host: string) {
    super(`${host} is not an address of the public internet.`);
    this.name = 'ForbiddenTargetError';
  }
}

/**
 * Whether `address` is on the public internet. The judgement is an allow-list: what IANA's special-purpose registries
 * name in any way is refused, and with it every IPv6 form that carries an IPv4 address (mapped, compatible, NAT64,
 * 6to4, Teredo), since what it ends up at is decided elsewhere.
 * @param address an IPv4 or IPv6 address in its usual text form; anything else is not global unicast
 */
export function isGlobalUnicast(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_IPV6);
}

/**
 * Refuses a host that can be judged without asking the DNS: a literal address that is not global unicast, and the names
 * that mean this machine (RFC 6761 §6.3). Needed beside {@link guardedLookup}, which Node does not call for literals.
 * @param host as in `URL.hostname`: canonical, IPv6 with or without brackets
 * @throws {ForbiddenTargetError}
 */
export function refuseLiteral(host: string): void {
  const name = host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  const isLocalName = name === '' || name === 'localhost' || name.endsWith('.localhost');
  if (isLocalName || (isIP(name) !== 0 && !isGlobalUnicast(name))) {
    throw new ForbiddenTargetError(host);
  }
}

type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  /** With an error there are no addresses at all. */
  callback: (error: NodeJS.ErrnoException | null, addresses?: LookupAddress[]) => void,
) => void;

/**
 * A `lookup` for `net.connect` and undici's `connect.lookup` that resolves all addresses of a name and refuses it when
 * any of them is not global unicast. The connection is made to the addresses that were judged, so that a name which
 * answers differently the next time (DNS rebinding) gains nothing.
 */
export function createGuardedLookup(resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses = []) => {
      const [first] = addresses;
      if (error) callback(error, '');
      else if (!first || !addresses.every(({ address }) => isGlobalUnicast(address))) {
        callback(new ForbiddenTargetError(hostname), '');
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

export const guardedLookup: LookupFunction = createGuardedLookup(systemLookup);
