import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { EventBus } from '#platform/events/event-bus.js';

import { BudgetRepository } from './budget.repository.js';
import { KeyBudgets } from './key-budgets.port.js';

@Injectable()
export class DeleteBudgetService extends KeyBudgets {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly events: EventBus,
  ) {
    super();
  }

  /** @throws {AppError} `not_found`, also for another organization's budget */
  async delete(organizationId: string, id: string): Promise<void> {
    if (!(await this.budgets.delete(organizationId, id))) {
      throw new AppError('not_found', { message: `There is no budget ${id}.` });
    }
    this.events.emit('limits.budgets-changed', { organizationId });
  }

  override async deleteOf(organizationId: string, keyId: string): Promise<void> {
    if (await this.budgets.deleteOfKey(organizationId, keyId)) {
      this.events.emit('limits.budgets-changed', { organizationId });
    }
  }
}
