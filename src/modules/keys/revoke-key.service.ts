import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import { ApiKeyRepository } from './api-key.repository.js';
import type { KeyView } from './domain/key-view.js';

@Injectable()
export class RevokeKeyService {
  constructor(
    private readonly keys: ApiKeyRepository,
    private readonly transactions: TransactionRunner,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /**
   * Revokes a key for good. Doing it again changes nothing and answers the first time.
   * @returns when it was revoked
   * @throws {AppError} `not_found`; `escalation_denied` for a master key, unless by one
   */
  async revoke(caller: KeyView, keyId: string, reason: string | null): Promise<Date> {
    return this.transactions.run(async () => {
      const key = await this.keys.lockForUpdate(caller.organizationId, keyId);
      if (!key) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
      if (key.accessLevel === 'master' && caller.accessLevel !== 'master') {
        throw new AppError('escalation_denied', {
          message: 'Only a master key revokes master keys.',
        });
      }
      if (key.revokedAt) return key.revokedAt;
      const revokedAt = new Date(this.clock.now());
      await this.keys.update(key, { revokedAt, revokedReason: reason, updatedAt: revokedAt });
      this.events.emit('keys.key-changed', { organizationId: key.organizationId, keyId });
      return revokedAt;
    });
  }
}
