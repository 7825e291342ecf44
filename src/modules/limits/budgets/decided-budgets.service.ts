import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { HeldChanges, type SubjectChange } from '#modules/organizations/index.js';

import { BudgetReach } from './budget-reach.service.js';
import { BudgetRepository } from './budget.repository.js';
import { DeleteBudgetService } from './delete-budget.service.js';
import { termsOf } from './domain/budget-terms.js';
import type { PutBudgetDto } from './dto/budget.dto.js';
import { WriteBudgetService } from './write-budget.service.js';

type Approved = {
  readonly organizationId: string;
  readonly subjectId: string;
  readonly change: SubjectChange;
  readonly requester: Principal;
  readonly approver: Principal;
};

/** Lifts budgets once somebody has approved it. */
@Injectable()
export class DecidedBudgets {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly reach: BudgetReach,
    private readonly written: WriteBudgetService,
    private readonly deletion: DeleteBudgetService,
    held: HeldChanges,
  ) {
    held.onDecision('budget', {
      reachedBy: (caller) => this.reach.idsOf(caller),
      lock: (organizationId) => this.budgets.hold(organizationId),
      apply: (approved) => this.#apply(approved),
    });
  }

  /** With the organization's budgets held. */
  async #apply({
    organizationId,
    subjectId: id,
    change,
    requester,
    approver,
  }: Approved): Promise<void> {
    const budget = await this.budgets.lockById(organizationId, id);
    if (budget?.version !== change.version || !budget) throw changedMeanwhile(id);
    for (const caller of [requester, approver]) await this.reach.assertReaches(caller, budget);
    if (change.action === 'delete') await this.deletion.delete(organizationId, id);
    // The body as it was checked when it came.
    else await this.written.update(budget, termsOf(change.body as unknown as PutBudgetDto));
  }
}

function changedMeanwhile(id: string): AppError {
  return new AppError('conflict', {
    message: `The budget ${id} was changed, or deleted, meanwhile: reject this, and ask again for what is wanted now.`,
  });
}
