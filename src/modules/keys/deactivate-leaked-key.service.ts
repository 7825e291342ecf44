import { Inject, Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { LeakedKeyPolicy } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { KeyWithSecret } from './api-key.repository.js';
import {
  changesOfLeakedKey,
  type LeakOutcome,
  leakReason,
  type LeakReport,
  leakSource,
} from './domain/leaked-key.js';
import { TellOfKeys } from './tell-of-keys.js';
import { WriteKeyService } from './write-key.service.js';

@Injectable()
export class DeactivateLeakedKeyService {
  constructor(
    private readonly organizations: LeakedKeyPolicy,
    private readonly transactions: TransactionRunner,
    private readonly written: WriteKeyService,
    private readonly news: TellOfKeys,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Takes a key out of use, as its organization wants it. One that can't be used anyway is left as it is. */
  async deactivate({ key, secret }: KeyWithSecret, report: LeakReport): Promise<LeakOutcome> {
    const now = new Date(this.clock.now());
    // What has leaked was rotated out; the key has another by now.
    if (secret.expiresAt && secret.expiresAt <= now) return 'already_inactive';
    const ids = { organizationId: key.organizationId, keyId: key.id };
    return this.transactions.run(async () => {
      const action = await this.organizations.actionOf(ids.organizationId);
      const current = await this.written.lock(ids.organizationId, ids.keyId);
      const changes = current && changesOfLeakedKey(current, action, leakReason(report), now);
      if (!changes) return 'already_inactive';
      await this.written.update(current, changes, null, {
        details: { cause: secret.id, reported_by: leakSource(report) },
      });
      const outcome = action === 'revoke' ? 'revoked' : 'disabled';
      await this.news.tell('security.suspicious_activity', current, {
        reason: leakReason(report),
        at: now,
        action: outcome,
        source: leakSource(report),
      });
      this.transactions.afterCommit(() => this.#log(ids, outcome));
      return outcome;
    });
  }

  #log(ids: { organizationId: string; keyId: string }, action: LeakOutcome): void {
    const facts = { organization_id: ids.organizationId, key_id: ids.keyId, action };
    this.logger.warn(facts, 'A leaked key was taken out of use');
  }
}
