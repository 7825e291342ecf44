import { invalidTarget, parseTargetUrl } from '#platform/http/outbound/target-url.js';

const PARAM = 'base_url';

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
 * @param allowPrivate as in `parseTargetUrl`
 * @throws {AppError} `invalid_request` naming `base_url`
 */
export function parseBaseUrl(text: string, allowPrivate: boolean): BaseUrl {
  const example = 'https://api.openai.com/v1';
  const url = parseTargetUrl(text, { param: PARAM, allowPrivate, example });
  if (text.includes('?')) throw invalidTarget(PARAM, 'must not have a query');
  return splitBaseUrl(url.origin + url.pathname.replace(/\/+$/, ''));
}

/** Takes apart what {@link parseBaseUrl} made and was stored since. */
export function splitBaseUrl(url: string): BaseUrl {
  const { origin, pathname } = new URL(url);
  return { url, origin, basePath: pathname === '/' ? '' : pathname };
}
