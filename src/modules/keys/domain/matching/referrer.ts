import { isPlainHost, parseWebUrl } from './domain.js';
import { compileNames, globCovers } from './names.js';
import { normalizeOriginPattern, originCovers } from './origin.js';

const MAX_LENGTH = 512;
const MAX_STARS = 4;

/**
 * The canonical form of an absolute http(s) URL in which `*` stands for any text in path and query, and for one label
 * or more as the whole leftmost label of the host. Canonical is what the WHATWG parser writes: dot segments resolved,
 * percent-encoded, `/` where there is no path.
 * @returns null for what is none, for userinfo or a fragment, for more than 4 stars or 512 characters
 */
export function normalizeReferrerPattern(text: string): string | null {
  if (text.length > MAX_LENGTH || text.split('*').length - 1 > MAX_STARS) return null;
  const [, authority = '', path = ''] = /^(https?:\/\/[^/?#]*)([^#]*)$/i.exec(text) ?? [];
  const origin = normalizeOriginPattern(authority);
  // The path is parsed behind a host of its own, so that nothing in it can be taken for a part of the pattern's host.
  const url = origin && parseWebUrl(`http://host${path}`);
  if (!origin || !url) return null;
  const pattern = origin + url.pathname + url.search;
  return pattern.length > MAX_LENGTH ? null : pattern;
}

/** Whether every URL that `inner` matches is matched by `outer` too; both normalized. */
export function referrerCovers(outer: string, inner: string): boolean {
  const around = splitPattern(outer);
  const within = splitPattern(inner);
  return originCovers(around.origin, within.origin) && globCovers(around.path, within.path);
}

/**
 * Compiles normalized patterns. The matcher takes the value of a `Referer` header (RFC 9110 §10.1.3), parsed once.
 * Browsers send only `https://host/` across origins by default, so a pattern that asks for more than `/*` of a path
 * is matched only by pages whose referrer policy says so.
 */
export function compileReferrers(patterns: readonly string[]): (referer: string) => boolean {
  const rules = patterns.map(splitPattern).map(({ origin, path }) => ({
    matchesOrigin: compileNames([origin]),
    matchesPath: compileNames([path]),
  }));
  return (referer) => {
    const url = parseWebUrl(referer);
    if (!url || !isPlainHost(url.hostname)) return false;
    const { origin } = url;
    const path = url.pathname + url.search;
    return rules.some((rule) => rule.matchesOrigin(origin) && rule.matchesPath(path));
  };
}

/** A normalized pattern has a path, which begins at the first `/` behind the two of the scheme. */
function splitPattern(pattern: string): { readonly origin: string; readonly path: string } {
  const at = pattern.indexOf('/', pattern.indexOf('://') + 3);
  return { origin: pattern.slice(0, at), path: pattern.slice(at) };
}
