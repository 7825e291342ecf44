import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';

import { InstancesModule } from '#platform/fanout/instances.js';

import { AllowanceAlerts } from './allowance-alerts.js';
import { BudgetDirectory } from './budgets/budget-directory.port.js';
import { BudgetDirectoryService } from './budgets/budget-directory.service.js';
import { BudgetEntity } from './budgets/budget.entity.js';
import { BudgetRepository } from './budgets/budget.repository.js';
import { BudgetsController } from './budgets/budgets.controller.js';
import { DeleteBudgetService } from './budgets/delete-budget.service.js';
import { KeyBudgets } from './budgets/key-budgets.port.js';
import { KnownKeys } from './budgets/known-keys.js';
import { PutBudgetService } from './budgets/put-budget.service.js';
import { ReadBudgetsService } from './budgets/read-budgets.service.js';
import { CallLimiter } from './call-limiter.service.js';
import { LeaseKeeper } from './leases/lease-keeper.service.js';
import { LimitsMetrics } from './limits.metrics.js';
import { AllowanceStore } from './store/allowance-store.port.js';
import { PostgresAllowanceStore } from './store/postgres.allowance-store.js';

@Module({
  imports: [InstancesModule, TypeOrmModule.forFeature([BudgetEntity])],
  controllers: [BudgetsController],
  providers: [
    AllowanceAlerts,
    BudgetRepository,
    CallLimiter,
    KnownKeys,
    LeaseKeeper,
    LimitsMetrics,
    PutBudgetService,
    ReadBudgetsService,
    DeleteBudgetService,
    { provide: AllowanceStore, useClass: PostgresAllowanceStore },
    { provide: BudgetDirectory, useClass: BudgetDirectoryService },
    { provide: KeyBudgets, useExisting: DeleteBudgetService },
  ],
  exports: [BudgetDirectory, CallLimiter, KeyBudgets, KnownKeys],
})
export class LimitsModule {}
