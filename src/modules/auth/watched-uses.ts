import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { IncomingMessage } from 'node:http';

import { Clock } from '#common/time/clock.js';
import type { KeyView } from '#modules/keys/index.js';
import { actorOf } from '#platform/audit-trail/actor.js';
import { AuditSpool } from '#platform/audit-trail/audit-spool.port.js';
import { Clients } from '#platform/http/clients.js';

const HOUR_MS = 3_600_000;
/** Keys and addresses that are remembered. Of one that is forgotten its next use is written down once more. */
const MAX_KNOWN = 50_000;

/**
 * Writes to the audit log from where keys are used whose policy says `alert_on_suspicious`: each address once an hour, by each
 * process. What looks like somebody else's use is found in these entries.
 */
@Injectable()
export class WatchedUses {
  readonly #known = new LRUCache<string, number>({ max: MAX_KNOWN });

  constructor(
    private readonly spool: AuditSpool,
    private readonly clients: Clients,
    private readonly clock: Clock,
  ) {}

  /** For each request of such a key that is let in. */
  note(view: KeyView, request: IncomingMessage, address: string): void {
    const use = `${view.keyId} ${address}`;
    const now = this.clock.now();
    if (now - (this.#known.get(use) ?? Number.NEGATIVE_INFINITY) < HOUR_MS) return;
    this.#known.set(use, now);
    const { organizationId, keyId } = view;
    this.spool.write(
      { organizationId, action: 'key.used', target: { type: 'key', id: keyId } },
      actorOf(view, this.clients.of(request), null),
    );
  }
}
