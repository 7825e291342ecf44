import { Module } from '@nestjs/common';

import { ChainHeads } from './checkpoints/chain-heads.service.js';
import { CheckpointRepository } from './checkpoints/checkpoint.repository.js';
import { ReportForeignEntriesService } from './sealing/report-foreign-entries.service.js';
import { SealEntriesService } from './sealing/seal-entries.service.js';
import { SealRepository } from './sealing/seal.repository.js';
import { SealingMetrics } from './sealing/sealing.metrics.js';
import { EntryMac } from './trail/entry-mac.js';

/** The chain of entries, for the routes and for the jobs. */
@Module({
  providers: [
    ChainHeads,
    CheckpointRepository,
    EntryMac,
    ReportForeignEntriesService,
    SealEntriesService,
    SealRepository,
    SealingMetrics,
  ],
  exports: [SealEntriesService],
})
export class AuditLogModule {}
