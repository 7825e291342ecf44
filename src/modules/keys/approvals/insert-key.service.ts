import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ApiKeyEntity } from '../api-key.entity.js';
import type { ApiKeySecretEntity } from '../api-key-secret.entity.js';
import type { KeyMember } from '../domain/belonging.js';
import { WriteKeyService } from '../write-key.service.js';
import { ApprovalNeeds } from './approval-needs.service.js';
import { OpenApprovalService, type Requester } from './open-approval.service.js';

export const NOT_APPROVED = 'Nobody approved it in time.';

@Injectable()
export class InsertKeyService {
  constructor(
    private readonly written: WriteKeyService,
    private readonly needs: ApprovalNeeds,
    private readonly approvals: OpenApprovalService,
    private readonly transactions: TransactionRunner,
  ) {}

  /**
   * Writes a new key. One that needs approval can't be used yet, and is revoked when its time to be approved is over: that is
   * its planned revocation, so whoever plans revocations, or tells of them, needs to know nothing of approvals.
   * @param creator `null` for what nobody asked for
   */
  async insert(
    key: ApiKeyEntity,
    secret: ApiKeySecretEntity,
    members: readonly KeyMember[],
    creator: Requester | null,
  ): Promise<ApiKeyEntity> {
    const isToWait = creator !== null && (await this.needs.of(key));
    if (!isToWait) {
      await this.written.insert(key, secret, members);
      return key;
    }
    return this.transactions.run(async () => {
      const revokedAt = await this.approvals.deadline(key.organizationId);
      const waiting = { ...key, awaitsApproval: true, revokedAt, revokedReason: NOT_APPROVED };
      await this.written.insert(waiting, secret, members);
      const asked = { kind: 'create', change: { action: 'create' }, fields: [] } as const;
      await this.approvals.open(creator, waiting, asked, revokedAt);
      return waiting;
    });
  }
}
