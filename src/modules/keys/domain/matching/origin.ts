import { isPlainHost, parseWebUrl } from './domain.js';
import { compileNames, globCovers } from './names.js';

const MAX_LENGTH = 256;
/** Scheme, star, host, port. What the URL parser would drop, decode or read as the end of the host is not let in. */
const ORIGIN =
  /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^\s\p{Cc}%*/?#@\\:[\]]+|\[[0-9a-f:.]+\])(:\d{1,5})?\/?$/iu;

/**
 * The canonical form of a web origin (RFC 6454 §6.2), `scheme://host[:port]`, whose leftmost label may be `*` for one
 * label or more: lower-case, punycode, no default port. Schemes other than http and https (`chrome-extension://id`)
 * are kept as they are, in lower-case.
 * @returns null for what is none: a path, userinfo, query or fragment, a star elsewhere or before an address, a host
 *   with a trailing dot (another origin to a browser), `*` alone, more than 256 characters
 */
export function normalizeOriginPattern(text: string): string | null {
  if (text.length > MAX_LENGTH) return null;
  const [, scheme, star, host, port = ''] = ORIGIN.exec(text) ?? [];
  if (scheme === undefined || host === undefined) return null;
  const origin = canonicalOrigin(scheme.toLowerCase(), host, port);
  if (origin === null || star === undefined) return origin;
  return isAddress(origin) ? null : origin.replace('://', '://*.');
}

/** Whether every origin that `inner` matches is matched by `outer` too; both normalized. */
export const originCovers: (outer: string, inner: string) => boolean = globCovers;

/**
 * Compiles normalized patterns. The matcher takes the value of an `Origin` header; `null`, which sandboxed frames and
 * local files send, matches nothing. Browsers send the canonical form, so an exact pattern costs one look-up.
 */
export function compileOrigins(patterns: readonly string[]): (origin: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  // In a canonical origin no `/`, `@` or `:` can stand where the star does, so a glob cannot reach into another host.
  const matches = compileNames(patterns);
  return (origin) => {
    if (exact.has(origin)) return true;
    const canonical = origin.includes('*') ? null : normalizeOriginPattern(origin);
    return canonical !== null && matches(canonical);
  };
}

function canonicalOrigin(scheme: string, host: string, port: string): string | null {
  if (scheme === 'http' || scheme === 'https') {
    const url = parseWebUrl(`${scheme}://${host}${port}`);
    return url && isPlainHost(url.hostname) ? url.origin : null;
  }
  const name = host.toLowerCase();
  return isPlainHost(name) ? `${scheme}://${name}${port}` : null;
}

/** The last label of a name is never a number, that of an IPv4 address always is (WHATWG URL §3.5). */
function isAddress(origin: string): boolean {
  return /:\/\/\[|[/.]\d+(?::\d+)?$/.test(origin);
}
