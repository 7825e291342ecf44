import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

import { type RootKey } from './root-key.js';

const ALGORITHM = 'aes-256-gcm';
const FORMAT_VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES;

/** Where a sealed value lives. It is authenticated, so a value that is copied to another row or column does not open. */
export type SealedPlace = { readonly table: string; readonly column: string; readonly row: string };

/** The value was not sealed with this key for this place, or was changed. */
export class UnsealError extends Error {
  constructor(place: SealedPlace, cause?: unknown) {
    super(`The sealed value of ${place.table}.${place.column} does not open.`, { cause });
    this.name = 'UnsealError';
  }
}

/**
 * Encryption at rest: AES-256-GCM (NIST SP 800-38D) with a key per purpose and a random 96-bit nonce.
 * Layout: version (1) · nonce (12) · tag (16) · ciphertext. 2^32 values per purpose are safe.
 */
export class SealedBox {
  readonly #key: Buffer;

  constructor(rootKey: RootKey, purpose: string) {
    this.#key = rootKey.derive(`seal/${purpose}`);
  }

  seal(plaintext: string, place: SealedPlace): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce).setAAD(encodePlace(place));
    const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(FORMAT_VERSION), nonce, cipher.getAuthTag(), ciphertext]);
  }

  /** @throws {UnsealError} */
  open(sealed: Buffer, place: SealedPlace): string {
    if (sealed.length < HEADER_BYTES || sealed[0] !== FORMAT_VERSION) throw new UnsealError(place);
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES })
      .setAAD(encodePlace(place))
      .setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES));
    try {
      return (
        decipher.update(sealed.subarray(HEADER_BYTES), undefined, 'utf8') + decipher.final('utf8')
      );
    } catch (error) {
      throw new UnsealError(place, error);
    }
  }
}

/** Length-prefixed, so that no two places have the same bytes. */
function encodePlace({ table, column, row }: SealedPlace): Buffer {
  return Buffer.from([table, column, row].map((part) => `${part.length}:${part}`).join(''));
}
