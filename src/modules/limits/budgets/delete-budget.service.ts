import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { SubjectRemovals } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { BudgetRepository } from './budget.repository.js';
import type { BudgetScope } from './domain/organization-budgets.js';
import { KeyBudgets } from './key-budgets.port.js';
import { RecordBudgetService } from './record-budget.service.js';

@Injectable()
export class DeleteBudgetService extends KeyBudgets {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly written: RecordBudgetService,
    private readonly transactions: TransactionRunner,
    removals: SubjectRemovals,
  ) {
    super();
    removals.onRemoval(async ({ organizationId, kind, id }) => {
      // Who sets a budget meanwhile looks for the subject only then, and finds none.
      await this.budgets.hold(organizationId);
      await this.#deleteOf(organizationId, kind, id);
    });
  }

  /** @throws {AppError} `not_found`, also for another organization's budget */
  async delete(organizationId: string, id: string): Promise<void> {
    await this.transactions.run(async () => {
      const budget = await this.budgets.lock(organizationId, id);
      if (!budget) throw noSuchBudget(id);
      await this.written.deleted(budget, null);
    });
  }

  override async deleteOf(organizationId: string, keyId: string): Promise<void> {
    await this.#deleteOf(organizationId, 'key', keyId);
  }

  async #deleteOf(organizationId: string, scope: BudgetScope, scopeId: string): Promise<void> {
    for (const budget of await this.budgets.lockAllOf(organizationId, scope, scopeId)) {
      await this.written.deleted(budget, scopeId);
    }
  }
}

export function noSuchBudget(id: string): AppError {
  return new AppError('not_found', { message: `There is no budget ${id}.` });
}
