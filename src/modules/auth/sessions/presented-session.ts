import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';

import { authorizationHeader } from '../bearer-token.js';
import { tokenInCookies } from './session-cookie.js';
import { csrfTokenOf, isSessionToken } from './session-token.js';

const BEARER = /^bearer +(\S+) *$/i;
/** RFC 9110 §9.2.1. */
const SAFE_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * The session's token that a request shows: in `Authorization`, or, where there is no such header, in the cookie. `null`:
 * it shows none. A cookie is sent by browsers of their own accord, so that with it what changes something must prove that
 * a page of ours has sent it.
 * @throws {AppError} `operation_not_allowed` for what may be another page's; `invalid_request` for two headers
 */
export function presentedSession(request: IncomingMessage): Secret | null {
  const { authorization, cookie } = request.headers;
  if (authorization !== undefined && authorization !== '') {
    const text = BEARER.exec(authorization)?.[1] ?? '';
    if (!isSessionToken(text)) return null;
    authorizationHeader(request);
    return new Secret(text);
  }
  const token = tokenInCookies(cookie);
  if (token && isUnsafe(request)) assertOurPage(request, token);
  return token;
}

/** A WebSocket begins with a GET, and no rule of browsers keeps other pages from opening it. */
function isUnsafe({ method, headers }: IncomingMessage): boolean {
  return !SAFE_METHODS.includes(method) || headers.upgrade?.toLowerCase() === 'websocket';
}

function assertOurPage({ headers }: IncomingMessage, token: Secret): void {
  if (headers.origin !== undefined && hostOf(headers.origin) !== headers.host?.toLowerCase()) {
    throw new AppError('operation_not_allowed', {
      message: 'A page of another origin may not use the session’s cookie.',
      param: 'Origin',
    });
  }
  const sent = headers['x-csrf-token'];
  if (typeof sent === 'string' && isSame(sent, csrfTokenOf(token))) return;
  throw new AppError('operation_not_allowed', {
    message:
      'With the session’s cookie a call that changes something needs the csrf_token of the login, or of GET /v1/auth/me, in x-csrf-token.',
    param: 'x-csrf-token',
  });
}

/** The scheme is not looked at: behind a proxy that ends TLS, nothing here may know of it. */
function hostOf(origin: string): string | null {
  return /^https?:\/\/([^/?#@]+)$/i.exec(origin)?.[1]?.toLowerCase() ?? null;
}

function isSame(sent: string, expected: string): boolean {
  const [one, other] = [Buffer.from(sent), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
