import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { isGiven } from '#common/validation/given.js';
import { KeyBudgets } from '#modules/limits/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import { assertApproved, isRevoked } from './changeable-key.js';
import { ChangeableKeys } from './changeable-keys.js';
import { timeOf } from './domain/key-times.js';
import type { KeyView } from './domain/key-view.js';
import type { RevokeKeyDto } from './dto/change-key.dto.js';

const DEFAULT_REVOKE_AFTER = '24h';

@Injectable()
export class RevokeKeyService {
  constructor(
    private readonly keys: ChangeableKeys,
    private readonly transactions: TransactionRunner,
    private readonly budgets: KeyBudgets,
    private readonly clock: Clock,
  ) {}

  /**
   * Revokes a key for good, at once or at a time that is given. Of several times the earliest counts: no key may put off
   * that another, or itself, is revoked. Doing it again changes nothing and answers the first time. The budgets of a key
   * that is revoked by now are deleted with it.
   * @throws {AppError} `not_found`, `escalation_denied`, `invalid_request`, `conflict` for a later time of a key that waits for
   * approval
   */
  async revoke(caller: KeyView, keyId: string, dto: RevokeKeyDto): Promise<ApiKeyEntity> {
    const now = this.clock.now();
    const revokedAt = revocationTime(dto, now);
    return this.transactions.run(async () => {
      const revoked = await this.keys.change(caller, keyId, (key) => {
        // It would be forgotten once the key is approved.
        if (key.awaitsApproval && revokedAt.getTime() > now) assertApproved(key);
        return key.revokedAt && key.revokedAt <= revokedAt
          ? {}
          : { revokedAt, revokedReason: dto.reason ?? null };
      });
      if (isRevoked(revoked, now)) await this.budgets.deleteOf(caller.organizationId, keyId);
      return revoked;
    });
  }
}

function revocationTime(dto: RevokeKeyDto, now: number): Date {
  const { revoke_immediately: immediately, revoke_at: at, revoke_after: after } = dto;
  if (immediately !== false) {
    const param = isGiven(at) ? 'revoke_at' : isGiven(after) ? 'revoke_after' : null;
    if (param === null) return new Date(now);
    throw new AppError('invalid_request', {
      message: `${param} goes with revoke_immediately: false.`,
      param,
    });
  }
  if (isGiven(at) && isGiven(after)) {
    throw new AppError('invalid_request', {
      message: 'Give revoke_at or revoke_after, not both.',
      param: 'revoke_after',
    });
  }
  return isGiven(at)
    ? timeOf(at, 'revoke_at', now)
    : timeOf(after ?? DEFAULT_REVOKE_AFTER, 'revoke_after', now);
}
