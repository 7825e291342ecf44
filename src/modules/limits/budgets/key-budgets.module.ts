import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { OrganizationSettingsModule } from '#modules/organizations/index.js';

import { AnnounceBudgetChanges } from './announce-budget-changes.js';
import { BudgetEntity } from './budget.entity.js';
import { BudgetRepository } from './budget.repository.js';
import { DeleteBudgetService } from './delete-budget.service.js';
import { KeyBudgets } from './key-budgets.port.js';
import { RecordBudgetService } from './record-budget.service.js';

/** Apart from the rest of `limits`, because workers, which have no routes, delete budgets of keys as well. */
@Module({
  imports: [OrganizationSettingsModule, TypeOrmModule.forFeature([BudgetEntity])],
  providers: [
    AnnounceBudgetChanges,
    BudgetRepository,
    DeleteBudgetService,
    RecordBudgetService,
    { provide: KeyBudgets, useExisting: DeleteBudgetService },
  ],
  exports: [BudgetRepository, DeleteBudgetService, KeyBudgets, RecordBudgetService],
})
export class KeyBudgetsModule {}
