import { Injectable } from '@nestjs/common';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { ENABLED, grantOf } from '../changeable-key.js';
import { assertGrantWithin } from '../domain/grant.js';
import type { KeyView } from '../domain/key-view.js';
import type { UpdateKeyDto } from '../dto/change-key.dto.js';
import { PlanKeyChangeService } from '../plan-key-change.service.js';
import { RevokeKeyService } from '../revoke-key.service.js';
import { InheritedPolicies } from '../templates/inherited-policies.service.js';
import { type KeyChanges, WriteKeyService } from '../write-key.service.js';
import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { type Decided, RecordApprovalService } from './record-approval.service.js';
import { Requesters } from './requesters.js';

/** What comes of a decision. */
@Injectable()
export class DecidedChanges {
  constructor(
    private readonly requesters: Requesters,
    private readonly plans: PlanKeyChangeService,
    private readonly inherited: InheritedPolicies,
    private readonly written: WriteKeyService,
    private readonly revokeKey: RevokeKeyService,
    private readonly requests: RecordApprovalService,
  ) {}

  /** Until the caller's transaction ends. It goes before every lock on a key. */
  holdStill(organizationId: string): Promise<void> {
    return this.inherited.holdStill(organizationId);
  }

  /** Writes a decision down, in its transaction. */
  record(request: ApprovalRequestEntity, decided: Decided): Promise<void> {
    return this.requests.decided(request, decided);
  }

  /**
   * Does what was approved, in the transaction that has locked the key, as far as both who asked and who approves may do it by now.
   * @throws {AppError} `escalation_denied` where that is more than the approver, or by now the requester, has; `conflict`
   */
  async apply(approver: KeyView, request: ApprovalRequestEntity, key: ApiKeyEntity): Promise<void> {
    const requester = await this.requesters.viewOf(request);
    const changes = await this.#changesOf(approver, requester, request, key);
    await this.written.update(key, changes, approver.keyId, { details: { cause: request.id } });
  }

  /** A new key that was rejected, or taken back, is of no use to anybody: it is revoked. */
  async forget(
    caller: KeyView,
    key: ApiKeyEntity,
    { kind, status, reason }: ApprovalRequestEntity,
  ): Promise<void> {
    if (kind !== 'create') return;
    await this.revokeKey.revoke(caller, key.id, {
      reason: reason ?? `Its approval was ${status}.`,
    });
  }

  async #changesOf(
    approver: KeyView,
    requester: KeyView,
    { change, expiresAt }: ApprovalRequestEntity,
    key: ApiKeyEntity,
  ): Promise<KeyChanges> {
    if ('body' in change) {
      const dto = revived(change.body);
      const plan = await this.plans.plan(requester, key, dto);
      // What it comes to is what the requester may do; that the approver may do it too is only asked.
      await this.plans.plan(approver, key, dto);
      assertGrantWithin(approver, plan.grant);
      await plan.tie();
      return plan.changes;
    }
    for (const view of [requester, approver]) assertGrantWithin(view, grantOf(key));
    return change.action === 'enable' ? ENABLED : approved(key, expiresAt);
  }
}

/** An earlier revocation than that of its not being approved was planned by somebody, and stays. */
function approved({ revokedAt }: ApiKeyEntity, deadline: Date): Partial<ApiKeyEntity> {
  const isOwn = revokedAt?.getTime() === deadline.getTime();
  return { awaitsApproval: false, ...(isOwn && { revokedAt: null, revokedReason: null }) };
}

/** A body as it was checked when it came. JSON has no times. */
function revived(body: Readonly<Record<string, unknown>>): UpdateKeyDto {
  const { expires_at: expiresAt } = body;
  return { ...body, ...(typeof expiresAt === 'string' && { expires_at: new Date(expiresAt) }) };
}
