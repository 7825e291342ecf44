import { Injectable } from '@nestjs/common';

import { Notifier } from '#modules/notifications/index.js';
import { Memberships, Users } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { scrubSecrets } from '#platform/observability/secret-patterns.js';

import { LOCK_OUT_MS, MAX_FAILED_LOGINS } from './account-attempts.js';

@Injectable()
export class TellLockOutService {
  constructor(
    private readonly users: Users,
    private readonly memberships: Memberships,
    private readonly notifier: Notifier,
    private readonly transactions: TransactionRunner,
  ) {}

  /** Tells each organization of the user, and none of the others: once, however often it is asked for. */
  async tell(userId: string, lockedUntil: Date): Promise<void> {
    const user = await this.users.findAcrossTenants(userId);
    if (!user) return;
    // One lock-out ends a whole window later than the one before: no two of them have the same number.
    const number = Math.floor(lockedUntil.getTime() / LOCK_OUT_MS);
    const memberships = await this.memberships.listAcrossTenants(userId);
    await this.transactions.run(async () => {
      for (const { organizationId } of memberships) {
        await this.notifier.notify({
          organizationId,
          type: 'security.suspicious_activity',
          keyId: null,
          data: {
            subject: 'user',
            subject_id: userId,
            // Free text, into which anybody may have written anything.
            name: scrubSecrets(user.name),
            reason: `${MAX_FAILED_LOGINS} failed logins: nobody can log in to the account for now.`,
            locked_until: lockedUntil.toISOString(),
          },
          deduplicationId: `lock-out:${userId}:${number}`,
        });
      }
    });
  }
}
