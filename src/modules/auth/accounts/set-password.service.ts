import { Injectable } from '@nestjs/common';

import type { Secret } from '#common/secret/secret.js';
import { Users } from '#modules/organizations/index.js';
import { Actors } from '#platform/audit-trail/actor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { EndSessionsService } from '../sessions/end-sessions.service.js';
import { PasswordResetRepository } from './password-reset.repository.js';
import { RecordAccountEvent } from './record-account-event.js';

/** What a new password means: whoever else has got in, by the old one or a mail, is out. */
@Injectable()
export class SetPasswordService {
  constructor(
    private readonly users: Users,
    private readonly resets: PasswordResetRepository,
    private readonly sessions: EndSessionsService,
    private readonly accounts: RecordAccountEvent,
    private readonly actors: Actors,
    private readonly transactions: TransactionRunner,
  ) {}

  /**
   * By somebody who has proven to be the user.
   * @param sessionId of the session that stays; `null`: none
   */
  async set(
    userId: string,
    hash: Secret,
    action: 'user.password_changed' | 'user.password_reset',
    sessionId: string | null,
  ): Promise<void> {
    await this.transactions.run(() =>
      this.actors.actAs(userId, sessionId, async () => {
        await this.users.setPasswordHash(userId, hash);
        await this.resets.forgetAcrossTenants(userId);
        await this.accounts.append(userId, { action });
        await this.sessions.endAll(userId, sessionId);
      }),
    );
  }
}
