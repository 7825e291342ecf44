import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { ApprovalPolicy, HeldChanges, type SubjectChange } from '#modules/organizations/index.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import type { BudgetEntity } from './budget.entity.js';

/** Holds back the lifting of budgets that somebody else has to approve first. */
@Injectable()
export class BudgetApprovals {
  constructor(
    private readonly policy: ApprovalPolicy,
    private readonly held: HeldChanges,
  ) {}

  /**
   * In the transaction that holds the organization's budgets. A budget that is not there yet only narrows what is.
   * @param limitNanos that it is to have; `null` where it is to be deleted
   * @returns what now waits, of which nothing may be done yet; `null` where nobody has to approve it
   * @throws {AppError} `conflict` where something else that was asked for the budget still waits
   */
  async hold(
    caller: Principal,
    budget: BudgetEntity,
    limitNanos: number | null,
    asked: Pick<SubjectChange, 'action' | 'body'>,
  ): Promise<ApprovalResponse | null> {
    const { organizationId, id, version } = budget;
    if (limitNanos !== null && limitNanos <= budget.limitNanos) return null;
    const threshold = await this.policy.budgetThresholdOf(organizationId);
    if (threshold === null || (limitNanos !== null && limitNanos <= threshold)) return null;
    return this.held.open(caller, {
      organizationId,
      subjectType: 'budget',
      subjectId: id,
      change: { ...asked, version },
      fields: ['limit'],
    });
  }
}
