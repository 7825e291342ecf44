import { Module } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { OrganizationSettingsModule } from '#modules/organizations/index.js';
import { InstancesModule } from '#platform/fanout/instances.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { AllowanceAlerts } from './allowance-alerts.js';
import { AskToDeleteBudgetService } from './budgets/ask-to-delete-budget.service.js';
import { BudgetApprovals } from './budgets/budget-approvals.service.js';
import { BudgetDirectory } from './budgets/budget-directory.port.js';
import { BudgetDirectoryService } from './budgets/budget-directory.service.js';
import { BudgetReach } from './budgets/budget-reach.service.js';
import { BudgetSubjects } from './budgets/budget-subjects.service.js';
import { BudgetsController } from './budgets/budgets.controller.js';
import { DecidedBudgets } from './budgets/decided-budgets.service.js';
import { KeyBudgetsModule } from './budgets/key-budgets.module.js';
import { KnownKeys } from './budgets/known-keys.js';
import { PutBudgetService } from './budgets/put-budget.service.js';
import { ReadBudgetsService } from './budgets/read-budgets.service.js';
import { WriteBudgetService } from './budgets/write-budget.service.js';
import { CallLimiter } from './call-limiter.service.js';
import { CallJournal } from './journal/call-journal.js';
import { LeaseKeeper } from './leases/lease-keeper.service.js';
import { LimitsMetrics } from './limits.metrics.js';
import { ReadLimitsService } from './read-limits.service.js';
import { AllowanceStores } from './store/allowance-stores.js';
import { PostgresAllowanceStore } from './store/postgres.allowance-store.js';
import { RedisAllowanceStore } from './store/redis.allowance-store.js';

/** Claims the data folder’s call journal when it is made, so the folder must be locked before. */
@Module({
  imports: [InstancesModule, KeyBudgetsModule, OrganizationSettingsModule],
  controllers: [BudgetsController],
  providers: [
    AllowanceAlerts,
    AskToDeleteBudgetService,
    BudgetApprovals,
    BudgetReach,
    BudgetSubjects,
    CallLimiter,
    {
      provide: CallJournal,
      useFactory: ({ dataDir }: Config, logger: Logger, clock: Clock) =>
        CallJournal.open(dataDir, { clock, logger }),
      inject: [CONFIG, LOGGER, Clock],
    },
    DecidedBudgets,
    KnownKeys,
    LeaseKeeper,
    LimitsMetrics,
    PutBudgetService,
    ReadBudgetsService,
    ReadLimitsService,
    WriteBudgetService,
    {
      provide: AllowanceStores,
      useFactory: async (
        { redisUrl }: Config,
        transactions: TransactionRunner,
        clock: Clock,
        logger: Logger,
      ) => {
        const lasting = new PostgresAllowanceStore(transactions, clock);
        if (redisUrl === null) return new AllowanceStores(lasting);
        const around = { transactions, clock, logger };
        return new AllowanceStores(
          lasting,
          await RedisAllowanceStore.connect(redisUrl, lasting, around),
        );
      },
      inject: [CONFIG, TransactionRunner, Clock, LOGGER],
    },
    { provide: BudgetDirectory, useClass: BudgetDirectoryService },
  ],
  exports: [BudgetDirectory, CallLimiter, KeyBudgetsModule, KnownKeys, ReadLimitsService],
})
export class LimitsModule {}
