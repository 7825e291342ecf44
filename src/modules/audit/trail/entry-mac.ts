import { Injectable } from '@nestjs/common';
import { createHmac, timingSafeEqual } from 'node:crypto';

import { RootKey } from '#platform/crypto/root-key.js';

import { type AuditEntry, canonicalText, coveredOf } from '../domain/audit-entry.js';

/** HMAC-SHA-256 of an entry under a key of the application: who can write to the database alone can't make one up. */
@Injectable()
export class EntryMac {
  readonly #key: Buffer;

  constructor(rootKey: RootKey) {
    this.#key = rootKey.derive('audit/entry-mac');
  }

  of(entry: AuditEntry): Buffer {
    return createHmac('sha256', this.#key)
      .update(canonicalText(coveredOf(entry)))
      .digest();
  }

  /** Whether this very entry was written by us. */
  verifies(entry: AuditEntry, mac: Buffer): boolean {
    const expected = this.of(entry);
    return mac.length === expected.length && timingSafeEqual(mac, expected);
  }
}
