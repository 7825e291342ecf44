import { Injectable } from '@nestjs/common';

import { randomBase62 } from '#common/ids/prefixed-id.js';
import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { PasswordResetRepository } from './password-reset.repository.js';
import { RecordAccountEvent } from './record-account-event.js';

/** 256 bits. */
const TOKEN_LENGTH = 43;
const RESET_MS = 3_600_000;

/** Makes a token that a new password is set with, once, within an hour. */
@Injectable()
export class OpenPasswordResetService {
  constructor(
    private readonly resets: PasswordResetRepository,
    private readonly accounts: RecordAccountEvent,
    private readonly actors: Actors,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * The job acts, and not the request, which must not show by its answer or its time that there is such an account.
   * @param requestId of the request that has asked for it
   */
  async open(userId: string, requestId: string | null): Promise<Secret> {
    const token = new Secret(`lkr_${randomBase62(TOKEN_LENGTH)}`);
    const now = this.clock.now();
    const details = { cause_request_id: requestId };
    await this.actors.act(jobActor('accounts.send-password-reset'), () =>
      this.transactions.run(async () => {
        await this.resets.insert(userId, token, new Date(now), new Date(now + RESET_MS));
        await this.accounts.append(userId, { action: 'user.password_reset_requested', details });
      }),
    );
    return token;
  }
}
