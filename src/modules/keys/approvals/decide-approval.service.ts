import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { assertNotRevoked } from '../changeable-key.js';
import { ChangeableKeys } from '../changeable-keys.js';
import { reachOf } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { type ApprovalRequestEntity, approvalStatus } from './approval-request.entity.js';
import { ApprovalRequestRepository } from './approval-request.repository.js';
import { Approvers } from './approvers.js';
import { DecidedChanges } from './decided-changes.js';

type Decision = {
  readonly status: 'approved' | 'rejected' | 'withdrawn';
  readonly reason: string | null;
};

/**
 * Approves or rejects what somebody else asked for, or withdraws what one asked for oneself. The key's lock decides between two who do so at once: the second finds
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
   * @param id of the request
   * @throws {AppError} `not_found`, `conflict` for what is decided or whose time is over, `approval_required` for who asked
   * for it, `operation_not_allowed` for who withdraws what they did not ask for, `escalation_denied`
   */
  async decide(caller: KeyView, id: string, decision: Decision): Promise<ApprovalRequestEntity> {
    const request = await this.requests.find(reachOf(caller), id);
    if (!request) throw new AppError('not_found', { message: `There is no approval ${id}.` });
    return this.#decide(caller, request.keyId, id, decision);
  }

  /** As {@link decide}, what waits for that key. */
  async decideOfKey(caller: KeyView, keyId: string, decision: Decision): Promise<void> {
    await this.#decide(caller, keyId, null, decision);
  }

  #decide(
    caller: KeyView,
    keyId: string,
    id: string | null,
    decision: Decision,
  ): Promise<ApprovalRequestEntity> {
    return this.transactions.run(async () => {
      await this.changes.holdStill(caller.organizationId);
      const key = await this.keys.lock(caller, keyId);
      const request = await this.#open(caller, key, id);
      if (decision.status === 'withdrawn') this.approvers.assertMayWithdraw(caller, request);
      else await this.approvers.assertMayDecide(caller, request, key);
      const decided = {
        status: decision.status,
        reason: decision.reason,
        decidedBy: caller.keyId,
        decidedByUser: caller.userId,
        decidedAt: new Date(this.clock.now()),
      };
      await this.changes.record(request, decided);
      await (decision.status === 'approved'
        ? this.changes.apply(caller, request, key)
        : this.changes.forget(caller, request, decided));
      return { ...request, ...decided };
    });
  }

  /** @param id `null` for whatever waits */
  async #open(
    caller: KeyView,
    key: ApiKeyEntity,
    id: string | null,
  ): Promise<ApprovalRequestEntity> {
    const now = new Date(this.clock.now());
    const open = await this.requests.findOpen(key.organizationId, key.id, now);
    if (open && (id === null || open.id === id)) {
      assertNotRevoked(key, now.getTime());
      return open;
    }
    const request = id === null ? null : await this.requests.find(reachOf(caller), id);
    throw request ? isDecided(request, now.getTime()) : nothingWaits(key.id);
  }
}

function isDecided(request: ApprovalRequestEntity, now: number): AppError {
  const status = approvalStatus(request, now);
  return new AppError('conflict', { message: `${request.id} is ${status} already.` });
}

function nothingWaits(keyId: string): AppError {
  return new AppError('conflict', { message: `Nothing waits for approval of the key ${keyId}.` });
}
