import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { type Actor, Actors } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import { ApiKeyRepository } from '../api-key.repository.js';
import type { Holder } from '../domain/belonging.js';
import type { StandingChange } from '../standing-change.js';
import { WriteKeyService } from '../write-key.service.js';

const KEYS_AT_ONCE = 200;
const REASONS: Readonly<Record<Holder['kind'], string>> = {
  owner: 'The owner is no member of the organization any more.',
  service_account: 'There is no such service account any more.',
};

type Run = { readonly actor: Actor; readonly signal: AbortSignal | null };

/**
 * Personal keys die with the membership, and those of a service account with it: who comes back later must not find them alive.
 * Nobody waits for that, since they are refused from the end of the membership, or of the account, on.
 */
@Injectable()
export class RevokeOwnerlessKeysService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly written: WriteKeyService,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
    private readonly actors: Actors,
    events: EventBus,
  ) {
    events.on('organizations.standing-changed', (changed) => {
      const holder = holderOf(changed);
      // Handlers are started while whoever caused it still acts, and may go on after that.
      const actor = this.actors.current;
      return holder ? this.#revokeOf(holder.kind, holder, { actor, signal: null }) : undefined;
    });
  }

  /** Those of all who have left anything, and of all service accounts that are gone. */
  async revoke(actor: Actor, signal: AbortSignal): Promise<void> {
    await this.#revokeOf('owner', null, { actor, signal });
    await this.#revokeOf('service_account', null, { actor, signal });
  }

  /** @param holder `null`: of all of that kind */
  async #revokeOf(
    kind: Holder['kind'],
    holder: Holder | null,
    { actor, signal }: Run,
  ): Promise<void> {
    while (signal?.aborted !== true) {
      const found = await this.actors.act(actor, () =>
        this.transactions.run(() => this.#revokeSome(kind, holder)),
      );
      if (found < KEYS_AT_ONCE) return;
    }
  }

  async #revokeSome(kind: Holder['kind'], holder: Holder | null): Promise<number> {
    const now = new Date(this.clock.now());
    const keys = await this.keys.lockOwnerlessAcrossTenants(kind, holder, KEYS_AT_ONCE, now);
    for (const key of keys) {
      await this.written.update(key, { revokedAt: now, revokedReason: REASONS[kind] }, null, {
        details: { cause: kind === 'owner' ? key.ownerId : key.serviceAccountId },
      });
    }
    return keys.length;
  }
}

function holderOf({ organizationId, userId, serviceAccountId }: StandingChange): Holder | null {
  if (serviceAccountId !== null) {
    return { kind: 'service_account', organizationId, id: serviceAccountId };
  }
  return userId === null ? null : { kind: 'owner', organizationId, id: userId };
}
