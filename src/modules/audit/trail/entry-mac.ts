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
    return this.#ofText(canonicalText(coveredOf(entry)));
  }

  /** @returns its canonical text, where it is written by us and as it was; else `null` */
  genuineTextOf(entry: AuditEntry, mac: Buffer): string | null {
    const text = readableTextOf(entry);
    if (text === null) return null;
    const expected = this.#ofText(text);
    return mac.length === expected.length && timingSafeEqual(mac, expected) ? text : null;
  }

  #ofText(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

/** Somebody else’s row may hold what none of ours does: a time without end, a list in the place of an object, 1e400. */
function readableTextOf(entry: AuditEntry): string | null {
  try {
    return canonicalText(coveredOf(entry));
  } catch {
    // There is no other test of it than to read it. What has no canonical form was not written by us.
    return null;
  }
}
