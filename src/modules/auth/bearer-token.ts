import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';

const AUTHORIZATION = 'authorization';
/** `Bearer`, then token68 characters (RFC 9110 §11.4). The scheme is case-insensitive. */
const BEARER = /^bearer +([0-9A-Za-z._~+/-]{1,512}=*) *$/i;

/**
 * The token that a request presents, from its `Authorization` header alone: never from the query string, which ends up
 * in logs. Two headers are refused, because Node would silently drop one and a proxy in front might read the other.
 * @throws {AppError} `missing_api_key`, `invalid_api_key`; `invalid_request` for two headers
 */
export function bearerToken(request: IncomingMessage): string {
  const header = request.headers.authorization;
  if (header === undefined || header === '') throw new AppError('missing_api_key');
  if (hasSeveral(request.rawHeaders)) {
    throw new AppError('invalid_request', {
      message: 'Send exactly one Authorization header.',
      param: 'Authorization',
    });
  }
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
