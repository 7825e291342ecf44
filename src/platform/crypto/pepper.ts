import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

import type { RootKey } from './root-key.js';

/**
 * Turns a presented secret into what is stored and looked up: HMAC-SHA-256 under a key that is not in the database, so
 * that a stolen dump can't even be matched against leaked keys. A slow password hash would add nothing: the secrets
 * have more than 154 random bits (NIST SP 800-63B, look-up secrets).
 */
export class Pepper {
  /** Stored with each digest, so that a pepper can be replaced while old digests still verify. */
  readonly scheme: string;
  readonly #key: KeyObject;

  constructor(rootKey: RootKey) {
    const pepper = rootKey.derive('key-pepper');
    this.#key = createSecretKey(pepper);
    const id = createHash('sha256').update('pepper-id').update(pepper).digest('hex').slice(0, 8);
    this.scheme = `hmac-sha256:${id}`;
  }

  /** 32 bytes as a Latin-1 string: the cheapest form to use as a key of a map. */
  digest(secret: string): string {
    return createHmac('sha256', this.#key).update(secret, 'latin1').digest('binary');
  }
}
