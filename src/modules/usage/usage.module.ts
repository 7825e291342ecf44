import { Module } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { KeyUsageTotalsRepository } from './key-usage-totals.repository.js';
import { MaintainPartitionsProcessor } from './maintain-partitions.processor.js';
import { ReadKeyUsageService } from './read-key-usage.service.js';
import { RetainUsageService } from './retain-usage.service.js';
import { SpoolPipelineStats } from './spool-pipeline-stats.js';
import { SpoolUsageRecorder } from './spool-usage-recorder.js';
import { claimSpool, type SpoolFolder } from './spool/spool-folder.js';
import { SpoolWriter } from './spool/spool-writer.js';
import { UsageMetrics } from './usage.metrics.js';
import { UsagePipelineStats } from './usage-pipeline-stats.port.js';
import { UsageRecorder } from './usage-recorder.port.js';
import { UsageReplayModule } from './usage-replay.module.js';
import { UsageShipper } from './usage-shipper.service.js';
import { UsageTotals } from './usage-totals.port.js';
import { SPOOL_FOLDER } from './usage.config.js';
import { USAGE_JOBS } from './usage.jobs.js';

/** Claims the data folder's spool when it is made, so the folder must be locked before. */
@Module({
  imports: [UsageReplayModule],
  providers: [
    {
      provide: SPOOL_FOLDER,
      useFactory: (config: Config) => claimSpool(config.dataDir),
      inject: [CONFIG],
    },
    {
      provide: SpoolWriter,
      useFactory: (folder: SpoolFolder, logger: Logger, clock: Clock) =>
        new SpoolWriter(folder, logger, clock),
      inject: [SPOOL_FOLDER, LOGGER, Clock],
    },
    USAGE_JOBS,
    MaintainPartitionsProcessor,
    RetainUsageService,
    UsageShipper,
    KeyUsageTotalsRepository,
    SpoolUsageRecorder,
    ReadKeyUsageService,
    SpoolPipelineStats,
    UsageMetrics,
    { provide: UsageRecorder, useExisting: SpoolUsageRecorder },
    { provide: UsageTotals, useExisting: ReadKeyUsageService },
    { provide: UsagePipelineStats, useExisting: SpoolPipelineStats },
  ],
  exports: [UsageRecorder, UsageTotals, UsagePipelineStats],
})
export class UsageModule {}
