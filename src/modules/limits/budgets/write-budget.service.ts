import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';

import { BudgetEntity } from './budget.entity.js';
import { type BudgetIdentity, BudgetRepository } from './budget.repository.js';
import type { BudgetTerms } from './domain/budget-terms.js';
import { RecordBudgetService } from './record-budget.service.js';

/** What one organization may have: the whole of it is held in memory by every instance that serves it. */
const MAX_BUDGETS = 1_000;

/** Makes and changes budgets. In the transaction that holds the organization's budgets. */
@Injectable()
export class WriteBudgetService {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly recorded: RecordBudgetService,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `conflict` for one too many */
  async make(given: BudgetIdentity & BudgetTerms): Promise<BudgetEntity> {
    const { organizationId } = given;
    if ((await this.budgets.count(organizationId)) >= MAX_BUDGETS) {
      throw new AppError('conflict', {
        message: `An organization has at most ${MAX_BUDGETS} budgets. Delete one first.`,
      });
    }
    const now = new Date(this.clock.now());
    const budget = Object.assign(new BudgetEntity(), {
      id: newId('budget'),
      ...given,
      createdAt: now,
      updatedAt: now,
      version: 1,
    });
    await this.recorded.created(budget);
    return budget;
  }

  update(budget: BudgetEntity, terms: BudgetTerms): Promise<BudgetEntity> {
    return this.recorded.changed(budget, { ...terms, updatedAt: new Date(this.clock.now()) });
  }
}
