import { isIPv4 } from 'node:net';

import { normalizeAddress } from '#common/net/cidr.js';

import { compileNames, globCovers } from './names.js';

/** In characters. Browsers cut a `Referer` above 4096 down to its origin (W3C Referrer Policy). */
const MAX_URL_LENGTH = 8192;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
/** The URL parser drops white space and controls and ends the host at the others; here they are no part of a name. */
const NEVER_IN_NAME = /[\s\p{Cc}%*/?#@\\:[\]]/u;

/**
 * The canonical form of a host name, an address, or `*.name`: lower-case, punycode (UTS 46), no trailing dot, IPv6
 * without brackets. A star stands for one label or more.
 * @returns null for what is none, for a port, and for a star anywhere else or before an address
 */
export function normalizeDomainPattern(text: string): string | null {
  if (!text.startsWith('*.')) return normalizeHost(text);
  const parent = normalizeHost(text.slice(2));
  return parent === null || normalizeAddress(parent) !== null ? null : `*.${parent}`;
}

/** Whether every host that `inner` matches is matched by `outer` too; both normalized. */
export const domainCovers: (outer: string, inner: string) => boolean = globCovers;

/** Compiles normalized patterns. The matcher takes a host as {@link hostOfUrl} gives it, or in any other spelling. */
export function compileDomains(patterns: readonly string[]): (host: string) => boolean {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  // On canonical hosts, a glob that begins with `*.` can only end at the border of a label.
  const matches = compileNames(patterns);
  return (host) => {
    if (exact.has(host)) return true;
    const canonical = normalizeHost(host);
    return canonical !== null && matches(canonical);
  };
}

/** The canonical host of an `Origin` or `Referer` value; null for `null`, for other schemes and for what is no URL. */
export function hostOfUrl(text: string): string | null {
  const url = parseWebUrl(text);
  return url && canonicalHost(url.hostname);
}

/**
 * An absolute http(s) URL as the WHATWG parser reads it.
 * @returns null for anything else, and for text with white space, controls or backslashes: the parser drops or turns
 *   them, no browser sends them, and a host that needs them means to look like another
 */
export function parseWebUrl(text: string): URL | null {
  if (text.length > MAX_URL_LENGTH || /[\s\p{Cc}\\]/u.test(text)) return null;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return null;
  return new URL(text);
}

/** Whether `hostname`, as in `URL.hostname`, is a name of non-empty labels or an address; no trailing dot. */
export function isPlainHost(hostname: string): boolean {
  return HOST_NAME.test(hostname) || hostname.startsWith('[');
}

function normalizeHost(text: string): string | null {
  if (text.includes(':')) {
    const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
    return bare.includes('%') ? null : normalizeAddress(bare);
  }
  if (NEVER_IN_NAME.test(text)) return null;
  const url = parseWebUrl(`http://${text}`);
  const host = url && canonicalHost(url.hostname);
  // `127.1` and `0x7f.0.0.1` are addresses to a browser only: who writes them means something else or hides something.
  return host !== null && isIPv4(host) && host !== text ? null : host;
}

/** From `URL.hostname`. A name with a trailing dot is the same host (RFC 1034 §3.1), so a rule for it holds too. */
function canonicalHost(hostname: string): string | null {
  if (hostname.startsWith('[')) return normalizeAddress(hostname.slice(1, -1));
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  return HOST_NAME.test(name) ? name : null;
}
