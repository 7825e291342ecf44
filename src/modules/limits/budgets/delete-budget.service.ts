import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { SubjectRemovals } from '#modules/organizations/index.js';
import { EventBus } from '#platform/events/event-bus.js';

import { BudgetRepository } from './budget.repository.js';
import type { BudgetScope } from './domain/organization-budgets.js';
import { KeyBudgets } from './key-budgets.port.js';

@Injectable()
export class DeleteBudgetService extends KeyBudgets {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly events: EventBus,
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
    if (!(await this.budgets.delete(organizationId, id))) {
      throw noSuchBudget(id);
    }
    this.events.emit('limits.budgets-changed', { organizationId });
  }

  override async deleteOf(organizationId: string, keyId: string): Promise<void> {
    await this.#deleteOf(organizationId, 'key', keyId);
  }

  async #deleteOf(organizationId: string, scope: BudgetScope, scopeId: string): Promise<void> {
    if (await this.budgets.deleteOf(organizationId, scope, scopeId)) {
      this.events.emit('limits.budgets-changed', { organizationId });
    }
  }
}

export function noSuchBudget(id: string): AppError {
  return new AppError('not_found', { message: `There is no budget ${id}.` });
}
