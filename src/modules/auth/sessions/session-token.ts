import { createHash, createHmac } from 'node:crypto';

import { randomBase62 } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';

/** 256 bits. */
const LENGTH = 43;
const TOKEN = /^lks_[0-9A-Za-z]{43}$/;
const CSRF_LABEL = 'latchkey csrf token 1';

export function newSessionToken(): Secret {
  return new Secret(`lks_${randomBase62(LENGTH)}`);
}

export function isSessionToken(text: string): boolean {
  return TOKEN.test(text);
}

/** What is stored. The token is random, so that a plain hash can't be guessed back. */
export function hashOfToken(token: Secret): Buffer {
  return createHash('sha256').update(token.reveal()).digest();
}

/** Follows from the session's token, so that it need not be stored, and tells nothing of it. */
export function csrfTokenOf(token: Secret): string {
  return createHmac('sha256', token.reveal()).update(CSRF_LABEL).digest('base64url');
}
