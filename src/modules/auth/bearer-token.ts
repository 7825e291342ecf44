import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';

const AUTHORIZATION = 'authorization';
/** `Bearer`, then token68 characters (RFC 9110 §11.4). The scheme is case-insensitive. */
const BEARER = /^bearer +([0-9A-Za-z._~+/-]{1,512}=*) *$/i;

/**
 * The request's only `Authorization` header. Two are refused, because Node would silently drop one and a proxy in front
 * might read the other.
 * @throws {AppError} `missing_api_key`; `invalid_request` for two
 */
export function authorizationHeader(request: IncomingMessage): string {
  const header = request.headers.authorization;
  if (header === undefined || header === '') throw new AppError('missing_api_key');
  if (hasSeveral(request.rawHeaders)) {
    throw new AppError('invalid_request', {
      message: 'Send exactly one Authorization header.',
      param: 'Authorization',
    });
  }
  return header;
}

/**
 * The token that is presented in an `Authorization` header, and there alone: never in the query string, which ends up in
 * logs.
 * @throws {AppError} `invalid_api_key`
 */
export function bearerToken(header: string): string {
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) throw new AppError('invalid_api_key');
  return token;
}

function hasSeveral(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) count++;
  }
  return count > 1;
}
