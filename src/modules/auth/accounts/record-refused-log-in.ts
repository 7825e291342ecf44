import { Inject, Injectable } from '@nestjs/common';

import { Actors } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { RecordAccountEvent } from './record-account-event.js';

/** Wrong passwords of accounts that there are. */
@Injectable()
export class RecordRefusedLogIn {
  constructor(
    private readonly accounts: RecordAccountEvent,
    private readonly actors: Actors,
    private readonly transactions: TransactionRunner,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Not to be waited for: the time would tell that there is such an account. Nothing is changed by a refusal, so where it can't be
   * written down there is nothing to take back; it is logged then. As many are under way as failures are
   * counted before no password is looked at any more.
   */
  refused(userId: string): void {
    const write = (): Promise<void> =>
      this.transactions.run(() =>
        this.accounts.append(userId, { action: 'session.refused', outcome: 'failure' }),
      );
    // Said anew, so that it holds when the request is over.
    void this.actors.act(this.actors.current, write).catch((error: unknown) => {
      this.logger.error({ err: error, user_id: userId }, 'A refused login is not in the audit log');
    });
  }
}
