import { AppError } from '#common/errors/app-error.js';
import { refuseLiteral } from '#platform/http/outbound/private-address.js';

export const MAX_BASE_URL_LENGTH = 2_048;
/** Where HTTPS is served in public. Other ports would make a port scanner of the gateway. */
const PUBLIC_PORTS: ReadonlySet<string> = new Set(['', '443', '8443']);
/** All but visible ASCII, and the backslash: `URL` rewrites them silently, but what is seen must be what is called. */
const AMBIGUOUS = /[^!-~]|\\/;

/** A provider's address, parsed once (WHATWG URL). */
export type BaseUrl = {
  /** Canonical text, without a slash at the end. */
  readonly url: string;
  /** `https://host[:port]`: what a credential is bound to. */
  readonly origin: string;
  /** `''` or `/v1`. */
  readonly basePath: string;
};

/**
 * Parses the address that an operator gives for a provider.
 * @param allowPrivate whether it may be plain HTTP and on a private or loopback address; if not, it must be HTTPS on a
 *   usual port and no literal that is off the public internet. Names are judged again when they are resolved.
 * @throws {AppError} `invalid_request` naming `base_url`
 */
export function parseBaseUrl(text: string, allowPrivate: boolean): BaseUrl {
  const url = parse(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw invalid('must be an http or https URL');
  if (url.username !== '' || url.password !== '') {
    throw invalid('must not hold a user name or password. Give the key as api_key');
  }
  if (text.includes('?') || text.includes('#')) throw invalid('must not have a query or fragment');
  if (!allowPrivate) refusePrivate(url);
  return splitBaseUrl(url.origin + url.pathname.replace(/\/+$/, ''));
}

/** Takes apart what {@link parseBaseUrl} made and was stored since. */
export function splitBaseUrl(url: string): BaseUrl {
  const { origin, pathname } = new URL(url);
  return { url, origin, basePath: pathname === '/' ? '' : pathname };
}

function parse(text: string): URL {
  if (text.length > MAX_BASE_URL_LENGTH || AMBIGUOUS.test(text) || !URL.canParse(text)) {
    throw invalid('must be a valid URL such as https://api.openai.com/v1');
  }
  return new URL(text);
}

function refusePrivate(url: URL): void {
  if (url.protocol !== 'https:') throw invalid('must be an https URL');
  if (!PUBLIC_PORTS.has(url.port)) throw invalid('must use port 443 or 8443');
  try {
    refuseLiteral(url.hostname);
  } catch (cause) {
    throw invalid('must not be a private, loopback or otherwise special address', cause);
  }
}

function invalid(rule: string, cause?: unknown): AppError {
  return new AppError('invalid_request', {
    message: `base_url ${rule}.`,
    param: 'base_url',
    cause,
  });
}
