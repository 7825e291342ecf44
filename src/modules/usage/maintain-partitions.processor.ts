import { Inject } from '@nestjs/common';

import { type Logger, LOGGER } from '#platform/observability/logger.js';
import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import { PartitionKeeperService } from './partition-keeper.service.js';
import type { MaintainPartitionsJob } from './usage.jobs.js';

/**
 * Idempotent: what exists is left alone. Spares the first record of a day the wait for its partition, and drops the
 * partitions of days that are not kept any longer.
 */
@JobProcessor('usage.maintain-partitions', { schedule: { pattern: '17 */6 * * *' } })
export class MaintainPartitionsProcessor implements JobHandler<MaintainPartitionsJob> {
  constructor(
    private readonly partitions: PartitionKeeperService,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async process({ daysAhead }: MaintainPartitionsJob): Promise<void> {
    await this.partitions.ensureAhead(daysAhead);
    const dropped = await this.partitions.dropExpired();
    if (dropped.length > 0) this.logger.info({ dropped }, 'usage that is over is dropped');
  }
}
