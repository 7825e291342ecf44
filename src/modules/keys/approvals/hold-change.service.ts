import { Injectable } from '@nestjs/common';

import type { ApiKeyEntity } from '../api-key.entity.js';
import { assertApproved, grantOf } from '../changeable-key.js';
import type { KeyView } from '../domain/key-view.js';
import type { UpdateKeyDto } from '../dto/change-key.dto.js';
import type { KeyPlan } from '../plan-key-change.service.js';
import { ApprovalNeeds } from './approval-needs.service.js';
import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { movedFields, widenedFields } from './domain/widening.js';
import { OpenApprovalService } from './open-approval.service.js';

/** Holds back what somebody else has to approve first. */
@Injectable()
export class HoldChangeService {
  constructor(
    private readonly needs: ApprovalNeeds,
    private readonly approvals: OpenApprovalService,
  ) {}

  /**
   * In the transaction that has locked the key.
   * @returns what now waits, of which nothing may be done yet; `null` where nobody has to approve it
   * @throws {AppError} `conflict` where the key, or something else that was asked for it, still waits
   */
  async hold(
    caller: KeyView,
    key: ApiKeyEntity,
    plan: KeyPlan,
    dto: UpdateKeyDto,
  ): Promise<ApprovalRequestEntity | null> {
    if (!(await this.isHeld(key))) return null;
    const { members, ...columns } = plan.changes;
    const fields = [
      ...widenedFields(grantOf(key), plan.grant),
      ...movedFields(key, columns),
      ...(members ? ['members'] : []),
    ];
    if (fields.length === 0) return null;
    assertApproved(key);
    const change = { action: 'update', body: { ...dto } } as const;
    return this.approvals.open(caller, key, { kind: 'widen', change, fields });
  }

  /** Of a key that is disabled. A new one that waits itself can be enabled: it can't be used anyhow. */
  async holdEnabling(caller: KeyView, key: ApiKeyEntity): Promise<ApprovalRequestEntity | null> {
    if (key.awaitsApproval || !(await this.isHeld(key))) return null;
    const change = { action: 'enable' } as const;
    return this.approvals.open(caller, key, { kind: 'widen', change, fields: ['disabled'] });
  }

  /** Whether it gets nothing more without somebody else's approval. */
  async isHeld(key: ApiKeyEntity): Promise<boolean> {
    return key.awaitsApproval || this.needs.of(key);
  }
}
