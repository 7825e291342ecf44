import { Secret } from '#common/secret/secret.js';

import { isSessionToken } from './session-token.js';

const NAME = 'latchkey_session';

/** @param isSecure sent back over TLS only */
export function sessionCookie(token: Secret, maxAgeSeconds: number, isSecure: boolean): string {
  return cookie(token.reveal(), maxAgeSeconds, isSecure);
}

/** Takes the cookie away. */
export function endedSessionCookie(isSecure: boolean): string {
  return cookie('', 0, isSecure);
}

function cookie(value: string, maxAgeSeconds: number, isSecure: boolean): string {
  const attributes = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax`;
  return `${NAME}=${value}; ${attributes}${isSecure ? '; Secure' : ''}`;
}

/** The session's token in a `Cookie` header; `null` where there is none, or more than one. */
export function tokenInCookies(header: string | undefined): Secret | null {
  if (!header?.includes(NAME)) return null;
  const values = header.split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return pair.slice(0, at).trim() === NAME ? [pair.slice(at + 1).trim()] : [];
  });
  const [value = ''] = values;
  return values.length === 1 && isSessionToken(value) ? new Secret(value) : null;
}
