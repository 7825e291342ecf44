import { AppError } from '#common/errors/app-error.js';

import { refuseLiteral } from './private-address.js';

export const MAX_TARGET_URL_LENGTH = 2_048;
/** Where HTTPS is served in public. Other ports would make a port scanner of the gateway. */
const PUBLIC_PORTS: ReadonlySet<string> = new Set(['', '443', '8443']);
/** All but visible ASCII, and the backslash: `URL` rewrites them silently, but what is seen must be what is called. */
const AMBIGUOUS = /[^!-~]|\\/;

export type TargetUrlRules = {
  /** The field that it was given as, for the error. */
  readonly param: string;
  /**
   * Whether it may be plain HTTP and on a private or loopback address; if not, it must be HTTPS on a usual port and no
   * literal that is off the public internet. Names are judged again when they are resolved.
   */
  readonly allowPrivate: boolean;
  /** For the error: a URL as it should be. */
  readonly example: string;
};

/**
 * Parses, once (WHATWG URL), an address that somebody gives for this installation to call.
 * @throws {AppError} `invalid_request` naming the field; never repeats the text, which may hold a password
 */
export function parseTargetUrl(text: string, rules: TargetUrlRules): URL {
  const { param, allowPrivate, example } = rules;
  if (text.length > MAX_TARGET_URL_LENGTH || AMBIGUOUS.test(text) || !URL.canParse(text)) {
    throw invalidTarget(param, `must be a valid URL such as ${example}`);
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw invalidTarget(param, 'must be an http or https URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidTarget(param, 'must not hold a user name or password');
  }
  if (text.includes('#')) throw invalidTarget(param, 'must not have a fragment');
  if (!allowPrivate) refusePrivate(url, param);
  return url;
}

function refusePrivate(url: URL, param: string): void {
  if (url.protocol !== 'https:') throw invalidTarget(param, 'must be an https URL');
  if (!PUBLIC_PORTS.has(url.port)) throw invalidTarget(param, 'must use port 443 or 8443');
  try {
    refuseLiteral(url.hostname);
  } catch (cause) {
    const rule = 'must not be a private, loopback or otherwise special address';
    throw invalidTarget(param, rule, cause);
  }
}

export function invalidTarget(param: string, rule: string, cause?: unknown): AppError {
  return new AppError('invalid_request', { message: `${param} ${rule}.`, param, cause });
}
