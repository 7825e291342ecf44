import { hkdfSync } from 'node:crypto';

import type { Secret } from '#common/secret/secret.js';

export const ROOT_KEY_BYTES = 32;

/**
 * The one secret of an installation. It is never used itself: each use has a key of its own, derived by HKDF-SHA-256
 * (RFC 5869), so that a value made for one purpose never verifies for another.
 */
export class RootKey {
  constructor(private readonly key: Secret<Buffer>) {
    if (key.reveal().length !== ROOT_KEY_BYTES) {
      throw new Error(`The secret key must have ${ROOT_KEY_BYTES} bytes.`);
    }
  }

  /** 32 bytes that only this root key and this purpose give. */
  derive(purpose: string): Buffer {
    return Buffer.from(
      hkdfSync('sha256', this.key.reveal(), Buffer.alloc(0), `latchkey/${purpose}`, ROOT_KEY_BYTES),
    );
  }
}
