import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { RootKey } from '#platform/crypto/root-key.js';

import type { AuditExport } from './domain/audit-export.js';
import {
  type ExportLink,
  isSameSignature,
  LINK_SECONDS,
  signatureOf,
} from './domain/export-link.js';

/** Links by which a file is had without a credential, for an hour, with the rights of whom they were made for. */
@Injectable()
export class ExportLinks {
  readonly #key: Buffer;

  constructor(
    rootKey: RootKey,
    private readonly clock: Clock,
  ) {
    this.#key = rootKey.derive('audit/export-links');
  }

  /** A path with a query. `null` where there is nothing to be downloaded. */
  pathOf(one: AuditExport, subject: string): string | null {
    const now = this.clock.now();
    if (one.state !== 'ready' || one.expiresAt === null || one.expiresAt.getTime() <= now)
      return null;
    const untilMs = Math.min(now + LINK_SECONDS * 1_000, one.expiresAt.getTime());
    const link = { exportId: one.id, subject, expires: Math.floor(untilMs / 1_000) };
    const query = new URLSearchParams({
      for: subject,
      expires: String(link.expires),
      signature: signatureOf(this.#key, one, link),
    });
    return `/v1/exports/${one.id}/file?${query.toString()}`;
  }

  opens(one: AuditExport, link: ExportLink, signature: string): boolean {
    if (!isSameSignature(signatureOf(this.#key, one, link), signature)) return false;
    return link.expires * 1_000 > this.clock.now();
  }
}
