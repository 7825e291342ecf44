import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { Notifier } from '#modules/notifications/index.js';
import { ApprovalPolicy, type HeldChange } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import type { ApprovalKind } from '#platform/http/approvals/approval.response.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import type { KeyView } from '../domain/key-view.js';
import { TellOfKeys } from '../tell-of-keys.js';
import { ApprovalRequestEntity, type KeyApprovalChange } from './approval-request.entity.js';
import { RecordApprovalService } from './record-approval.service.js';

const HOUR_MS = 3_600_000;

export type Requester = Pick<KeyView, 'keyId' | 'userId'>;
type Asked = {
  readonly kind: ApprovalKind;
  readonly change: KeyApprovalChange;
  readonly fields: readonly string[];
};
/** What is asked for, and of what. */
type Wanted = Pick<
  ApprovalRequestEntity,
  'organizationId' | 'subjectType' | 'keyId' | 'subjectId' | 'kind' | 'change'
> & { readonly fields: readonly string[] };

/** Asks somebody else to approve, and tells people of it. */
@Injectable()
export class OpenApprovalService {
  constructor(
    private readonly recorded: RecordApprovalService,
    private readonly policy: ApprovalPolicy,
    private readonly news: TellOfKeys,
    private readonly notifier: Notifier,
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
      const of = { organizationId, subjectType: 'key', keyId, subjectId: null } as const;
      const request = await this.#open(requester, { ...of, ...asked }, expiresAt);
      await this.news.tell('approval.requested', key, newsOf(request));
      return request;
    });
  }

  /**
   * As {@link open}, for something that is no key, in the transaction that has locked that.
   * @throws {AppError} `conflict` where something else that was asked for it still waits
   */
  openOf(requester: Requester, held: HeldChange): Promise<ApprovalRequestEntity> {
    return this.transactions.run(async () => {
      const request = await this.#open(requester, { ...held, kind: 'widen', keyId: null }, null);
      const { organizationId, createdAt } = request;
      await this.notifier.notify({
        organizationId,
        type: 'approval.requested',
        keyId: null,
        data: { ...newsOf(request), at: createdAt.toISOString() },
      });
      return request;
    });
  }

  async #open(
    requester: Requester,
    wanted: Wanted,
    expiresAt: Date | null,
  ): Promise<ApprovalRequestEntity> {
    const { organizationId } = wanted;
    const subjectId = wanted.keyId ?? wanted.subjectId ?? '';
    const now = new Date(this.clock.now());
    const other = await this.recorded.findOpen(organizationId, subjectId, now);
    if (other) throw alreadyWaits(other, subjectId);
    const request = Object.assign(new ApprovalRequestEntity(), {
      id: newId('approval'),
      ...wanted,
      fields: [...wanted.fields],
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
    return request;
  }
}

function newsOf(request: ApprovalRequestEntity): Record<string, unknown> & { by: string } {
  const { id, kind, subjectType, subjectId, keyId, requestedBy: by, expiresAt, fields } = request;
  return {
    by,
    approval_id: id,
    kind,
    subject_type: subjectType,
    subject_id: keyId ?? subjectId,
    fields,
    expires_at: expiresAt,
  };
}

function alreadyWaits({ id, subjectType }: ApprovalRequestEntity, subjectId: string): AppError {
  return new AppError('conflict', {
    message: `Something else that was asked for the ${subjectType} ${subjectId} still waits for approval: ${id}.`,
    details: { approval_id: id },
  });
}
