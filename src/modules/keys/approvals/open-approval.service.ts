import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { ApprovalPolicy } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import type { KeyView } from '../domain/key-view.js';
import { TellOfKeys } from '../tell-of-keys.js';
import {
  type ApprovalChange,
  type ApprovalKind,
  ApprovalRequestEntity,
} from './approval-request.entity.js';
import { ApprovalRequestRepository } from './approval-request.repository.js';
import { RecordApprovalService } from './record-approval.service.js';

const HOUR_MS = 3_600_000;

export type Requester = Pick<KeyView, 'keyId' | 'userId'>;
type Asked = {
  readonly kind: ApprovalKind;
  readonly change: ApprovalChange;
  readonly fields: readonly string[];
};

/** Asks somebody else to approve, and tells people of it. */
@Injectable()
export class OpenApprovalService {
  constructor(
    private readonly requests: ApprovalRequestRepository,
    private readonly recorded: RecordApprovalService,
    private readonly policy: ApprovalPolicy,
    private readonly news: TellOfKeys,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** Until when somebody has to decide on what is asked for now. */
  async deadline(organizationId: string): Promise<Date> {
    const hours = await this.policy.approvalHoursOf(organizationId);
    return new Date(this.clock.now() + hours * HOUR_MS);
  }

  /**
   * In the transaction that has locked the key, or is just making it.
   * @throws {AppError} `conflict` where something else that was asked for the key still waits
   */
  open(
    requester: Requester,
    key: ApiKeyEntity,
    asked: Asked,
    expiresAt: Date | null = null,
  ): Promise<ApprovalRequestEntity> {
    return this.transactions.run(async () => {
      const { organizationId, id: keyId } = key;
      const now = new Date(this.clock.now());
      await this.recorded.closeExpired(organizationId, keyId, now);
      const other = await this.requests.findOpen(organizationId, keyId, now);
      if (other) throw alreadyWaits(other);
      const request = Object.assign(new ApprovalRequestEntity(), {
        id: newId('approval'),
        organizationId,
        keyId,
        ...asked,
        fields: [...asked.fields],
        requestedBy: requester.keyId,
        requestedByUser: requester.userId,
        status: 'pending' as const,
        decidedBy: null,
        decidedByUser: null,
        decidedAt: null,
        reason: null,
        createdAt: now,
        expiresAt: expiresAt ?? (await this.deadline(organizationId)),
      });
      await this.recorded.opened(request);
      await this.#tell(key, request);
      return request;
    });
  }

  async #tell(key: ApiKeyEntity, request: ApprovalRequestEntity): Promise<void> {
    const { id, kind, requestedBy: by, expiresAt, fields } = request;
    const news = { by, approval_id: id, kind, fields, expires_at: expiresAt };
    await this.news.tell('approval.requested', key, news);
  }
}

function alreadyWaits({ id, keyId }: ApprovalRequestEntity): AppError {
  return new AppError('conflict', {
    message: `Something else that was asked for the key ${keyId} still waits for approval: ${id}.`,
    details: { approval_id: id },
  });
}
