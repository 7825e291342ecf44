import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { assertNotRevoked } from '../changeable-key.js';
import { ChangeableKeys } from '../changeable-keys.js';
import type { KeyView } from '../domain/key-view.js';
import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { ApprovalRequestRepository } from './approval-request.repository.js';
import { Approvers } from './approvers.js';
import { DecidedChanges } from './decided-changes.js';
import { decidedBy, type Decision, isDecided } from './domain/decision.js';

/**
 * Approves or rejects what somebody else asked for of a key, or withdraws what one asked for oneself. The key's lock decides between two who do so at once: the second finds
 * that it is decided.
 */
@Injectable()
export class DecideApprovalService {
  constructor(
    private readonly requests: ApprovalRequestRepository,
    private readonly keys: ChangeableKeys,
    private readonly approvers: Approvers,
    private readonly changes: DecidedChanges,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * @param id of a request of the key that the caller sees; `null` for whatever waits for it
   * @throws {AppError} `not_found`, `conflict` for what is decided or whose time is over, `approval_required` for who asked
   * for it, `operation_not_allowed` for who withdraws what they did not ask for, `escalation_denied`
   */
  decide(
    caller: KeyView,
    keyId: string,
    id: string | null,
    decision: Decision,
  ): Promise<ApprovalRequestEntity> {
    return this.transactions.run(async () => {
      await this.changes.holdStill(caller.organizationId);
      const key = await this.keys.lock(caller, keyId);
      const request = await this.#open(key, id);
      if (decision.status === 'withdrawn') this.approvers.assertMayWithdraw(caller, request);
      else await this.approvers.assertMayDecide(caller, request, key);
      const decided = decidedBy(caller, decision, this.clock.now());
      await this.changes.record(request, decided);
      await (decision.status === 'approved'
        ? this.changes.apply(caller, request, key)
        : this.changes.forget(caller, key, { ...request, ...decided }));
      return { ...request, ...decided };
    });
  }

  /** @param id `null` for whatever waits */
  async #open(key: ApiKeyEntity, id: string | null): Promise<ApprovalRequestEntity> {
    const now = new Date(this.clock.now());
    const open = await this.requests.findOpen(key.organizationId, key.id, now);
    if (open && (id === null || open.id === id)) {
      assertNotRevoked(key, now.getTime());
      return open;
    }
    const request = id === null ? null : await this.requests.read(key.organizationId, id);
    throw request ? isDecided(request, now.getTime()) : nothingWaits(key.id);
  }
}

function nothingWaits(keyId: string): AppError {
  return new AppError('conflict', { message: `Nothing waits for approval of the key ${keyId}.` });
}
