import { createHash } from 'node:crypto';

import type { Pepper } from '#platform/crypto/pepper.js';

import type { SecretDigest } from './api-key.repository.js';

/** SHA-256 of the secret without a pepper, as other gateways store it (OWASP ASVS 5.0, 6.5.2). */
export const PLAIN_SCHEME = 'sha256';

/** All that a secret may be stored as; the first is what it should be. */
export function digestsOf(secret: string, pepper: Pepper): readonly [SecretDigest, SecretDigest] {
  return [
    { scheme: pepper.scheme, digest: Buffer.from(pepper.digest(secret), 'latin1') },
    { scheme: PLAIN_SCHEME, digest: createHash('sha256').update(secret).digest() },
  ];
}
