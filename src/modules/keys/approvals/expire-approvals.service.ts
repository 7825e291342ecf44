import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { type Actor, Actors } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { RecordApprovalService } from './record-approval.service.js';

/** By then whoever decided at the last moment, by the clock of another instance, has done so. */
const MARGIN_MS = 30_000;
/** So that one run ends; the next one goes on. */
const MAX_BATCHES = 100;

/** Marks requests on which nobody has decided in time. Whether one can be approved yet is up to the clock, so there is no hurry. */
@Injectable()
export class ExpireApprovalsService {
  constructor(
    private readonly requests: RecordApprovalService,
    private readonly transactions: TransactionRunner,
    private readonly actors: Actors,
    private readonly clock: Clock,
  ) {}

  /**
   * @param limit requests in one transaction
   * @param actor as whom it is written down
   */
  async expireAll(limit: number, actor: Actor, signal: AbortSignal): Promise<void> {
    const until = new Date(this.clock.now() - MARGIN_MS);
    const batch = (): Promise<number> => this.requests.closeExpiredAcrossTenants(until, limit);
    for (let done = 0; done < MAX_BATCHES && !signal.aborted; done++) {
      const found = await this.actors.act(actor, () => this.transactions.run(batch));
      if (found < limit) return;
    }
  }
}
