import { Module } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import { BodiesMetrics } from './bodies/bodies.metrics.js';
import { BodyLog } from './bodies/body-log.port.js';
import { BodyQueue } from './bodies/body-queue.service.js';
import { DeleteExpiredBodiesProcessor } from './bodies/delete-expired-bodies.processor.js';
import { KeepBodiesService } from './bodies/keep-bodies.service.js';
import { QueuedBodyLog } from './bodies/queued-body-log.js';
import { RequestBodiesRepository } from './bodies/request-bodies.repository.js';
import { StoredBodies } from './bodies/stored-bodies.port.js';
import { SearchEventsService } from './events/search-events.service.js';
import { UsageEvents } from './events/usage-events.port.js';
import { UsageEventsRepository } from './events/usage-events.repository.js';
import { ReadUsageFeedService } from './feed/read-usage-feed.service.js';
import { UsageFeed } from './feed/usage-feed.port.js';
import { KeyUsageTotalsRepository } from './key-usage-totals.repository.js';
import { MaintainPartitionsProcessor } from './maintain-partitions.processor.js';
import { ReadKeyUsageService } from './read-key-usage.service.js';
import { ReadUsageReportsService } from './rollups/read-usage-reports.service.js';
import { UsageReportsRepository } from './rollups/usage-reports.repository.js';
import { SpoolPipelineStats } from './spool-pipeline-stats.js';
import { SpoolUsageRecorder } from './spool-usage-recorder.js';
import { BatchedRefusalCounter } from './refusals/batched-refusal-counter.js';
import { RefusalCounter } from './refusals/refusal-counter.port.js';
import { RefusalRepository } from './refusals/refusal.repository.js';
import { claimSpool, type SpoolFolder } from './spool/spool-folder.js';
import { SpoolWriter } from './spool/spool-writer.js';
import { UsageMetrics } from './usage.metrics.js';
import { UsagePipelineStats } from './usage-pipeline-stats.port.js';
import { UsageRecorder } from './usage-recorder.port.js';
import { UsageReplayModule } from './usage-replay.module.js';
import { UsageReports } from './usage-reports.port.js';
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
    UsageShipper,
    KeyUsageTotalsRepository,
    SpoolUsageRecorder,
    ReadKeyUsageService,
    SpoolPipelineStats,
    UsageMetrics,
    BodiesMetrics,
    BodyQueue,
    RequestBodiesRepository,
    KeepBodiesService,
    DeleteExpiredBodiesProcessor,
    UsageEventsRepository,
    { provide: BodyLog, useClass: QueuedBodyLog },
    { provide: StoredBodies, useExisting: KeepBodiesService },
    { provide: UsageEvents, useClass: SearchEventsService },
    UsageReportsRepository,
    RefusalRepository,
    BatchedRefusalCounter,
    { provide: RefusalCounter, useExisting: BatchedRefusalCounter },
    { provide: UsageRecorder, useExisting: SpoolUsageRecorder },
    { provide: UsageTotals, useExisting: ReadKeyUsageService },
    { provide: UsageFeed, useClass: ReadUsageFeedService },
    { provide: UsagePipelineStats, useExisting: SpoolPipelineStats },
    { provide: UsageReports, useClass: ReadUsageReportsService },
  ],
  exports: [
    UsageRecorder,
    UsageTotals,
    UsagePipelineStats,
    UsageReports,
    BodyLog,
    StoredBodies,
    UsageEvents,
    RefusalCounter,
    UsageFeed,
  ],
})
export class UsageModule {}
