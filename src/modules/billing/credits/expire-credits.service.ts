import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { type Actor, Actors } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { LedgerRepository } from '../ledger/ledger.repository.js';
import type { CreditGrant } from './credit-grant.js';
import { CreditGrantRepository, type DuePosition } from './credit-grant.repository.js';
import { ExpireGrantService } from './expire-grant.service.js';

/**
 * Takes back what nobody spent in time, and ends holds that nobody ended. Whether a grant may be spent is decided by the clock
 * when it is, so nothing here is in a hurry.
 */
@Injectable()
export class ExpireCreditsService {
  constructor(
    private readonly grants: CreditGrantRepository,
    private readonly ledger: LedgerRepository,
    private readonly expireGrant: ExpireGrantService,
    private readonly transactions: TransactionRunner,
    private readonly actors: Actors,
    private readonly clock: Clock,
  ) {}

  /**
   * A transaction for each grant and hold: what is done is done, whatever becomes of the rest.
   * @param actor as whom it is written down
   */
  async expireDue(maxRows: number, actor: Actor, signal: AbortSignal): Promise<void> {
    const now = new Date(this.clock.now());
    for (const { organizationId, id } of await this.ledger.expiredHoldsAcrossTenants(
      now,
      maxRows,
    )) {
      if (signal.aborted) return;
      const end = { kind: 'hold_expired', cause: 'expired', effectiveAt: now } as const;
      await this.transactions.run(() => this.ledger.endHold(organizationId, id, end));
    }
    for await (const { organizationId, id } of this.#due(now, maxRows)) {
      if (signal.aborted) return;
      const expire = (): Promise<void> => this.expireGrant.expire(organizationId, id);
      await this.actors.act(actor, () => this.transactions.run(expire));
    }
  }

  /** By pages that go on behind the last one, since what calls hold stays due. */
  async *#due(now: Date, maxRows: number): AsyncGenerator<CreditGrant> {
    for (let after: DuePosition | null = null; ;) {
      const page: CreditGrant[] = await this.grants.dueAcrossTenants(now, after, maxRows);
      yield* page;
      const last = page.at(-1);
      if (!last?.expiresAt || page.length < maxRows) return;
      after = { expiresAt: last.expiresAt, id: last.id };
    }
  }
}
