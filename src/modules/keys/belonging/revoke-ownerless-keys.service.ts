import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import { ApiKeyRepository } from '../api-key.repository.js';
import type { Owner } from '../domain/belonging.js';
import { WriteKeyService } from '../write-key.service.js';

const KEYS_AT_ONCE = 200;
const REASON = 'The owner is no member of the organization any more.';

/**
 * Personal keys die with the membership: who comes back later must not find them alive. Nobody waits for that, since they are
 * refused from the end of the membership on.
 */
@Injectable()
export class RevokeOwnerlessKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly written: WriteKeyService,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
    events: EventBus,
  ) {
    events.on('organizations.standing-changed', ({ organizationId, userId }) =>
      userId === null ? undefined : this.revoke({ organizationId, userId }),
    );
  }

  /** Those of one user, or with `null` of all who have left anything. */
  async revoke(owner: Owner | null, signal: AbortSignal | null = null): Promise<void> {
    while (signal?.aborted !== true) {
      const found = await this.transactions.run(() => this.#revokeSome(owner));
      if (found < KEYS_AT_ONCE) return;
    }
  }

  async #revokeSome(owner: Owner | null): Promise<number> {
    const now = new Date(this.clock.now());
    const keys = await this.keys.lockOwnerlessAcrossTenants(owner, KEYS_AT_ONCE, now);
    for (const key of keys) {
      await this.written.update(key, { revokedAt: now, revokedReason: REASON }, null);
    }
    return keys.length;
  }
}
