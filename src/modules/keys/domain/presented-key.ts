import { hash } from 'node:crypto';

import { Secret } from '#common/secret/secret.js';

/** A key as a caller sent it, of any form, with the name that what is known of it is remembered by. */
export class PresentedKey extends Secret {
  /** SHA-256: neither the secret nor its stored digest, which is worked out only for PostgreSQL. */
  readonly fingerprint: string;

  constructor(text: string) {
    super(text);
    this.fingerprint = hash('sha256', text, 'base64');
  }
}
