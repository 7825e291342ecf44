import { Inject, Injectable } from '@nestjs/common';

import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { PartitionKeeperService } from './partition-keeper.service.js';

/** Of whatever organization. */
const DELETE_HOURS = ['usage_rollup_hour', 'usage_breakdown_hour'].map(
  (table) => `DELETE FROM ${table} WHERE bucket < now() - $1 * interval '1 day'`,
);

/** Lets go of usage that is not kept any longer. Sums of days are kept for good. */
@Injectable()
export class RetainUsageService {
  constructor(
    private readonly partitions: PartitionKeeperService,
    private readonly transactions: TransactionRunner,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Safe to run at any time, and again. */
  async dropExpired(): Promise<void> {
    const dropped = await this.partitions.dropExpired();
    if (dropped.length > 0)
      this.logger.info({ dropped }, 'usage that is not kept any longer is dropped');
    for (const statement of DELETE_HOURS) {
      await this.transactions.sql(statement, [this.config.usageRetentionDays]);
    }
  }
}
