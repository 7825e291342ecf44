import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import { BudgetApprovals } from './budget-approvals.service.js';
import { BudgetReach } from './budget-reach.service.js';
import { BudgetRepository } from './budget.repository.js';
import { DeleteBudgetService, noSuchBudget } from './delete-budget.service.js';

/** Deletes a budget for somebody. Whoever takes its subject away, or has it approved, deletes it without asking. */
@Injectable()
export class AskToDeleteBudgetService {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly reach: BudgetReach,
    private readonly approvals: BudgetApprovals,
    private readonly deletion: DeleteBudgetService,
    private readonly transactions: TransactionRunner,
  ) {}

  /**
   * @returns what now waits; `null` where it is done
   * @throws {AppError} `not_found`, also for what the caller does not reach; `conflict` while something else that was asked for
   * it waits
   */
  delete(caller: Principal, id: string): Promise<ApprovalResponse | null> {
    const { organizationId } = caller;
    return this.transactions.run(async () => {
      await this.budgets.hold(organizationId);
      const ids = await this.reach.idsOf(caller);
      const isReached = ids === null || ids.includes(id);
      const budget = isReached ? await this.budgets.lockById(organizationId, id) : null;
      if (!budget) throw noSuchBudget(id);
      const request = await this.approvals.hold(caller, budget, null, { action: 'delete' });
      if (!request) await this.deletion.delete(organizationId, id);
      return request;
    });
  }
}
