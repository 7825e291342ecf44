import { Module } from '@nestjs/common';

import { ObjectStoreModule } from '#platform/object-store/object-store.module.js';

import { ChainHeads } from './checkpoints/chain-heads.service.js';
import { CheckpointSigner } from './checkpoints/checkpoint-signer.js';
import { CheckpointMetrics } from './checkpoints/checkpoint.metrics.js';
import { CheckpointRepository } from './checkpoints/checkpoint.repository.js';
import { MakeCheckpointsService } from './checkpoints/make-checkpoints.service.js';
import { PublishCheckpointService } from './checkpoints/publish-checkpoint.service.js';
import { ReportForeignEntriesService } from './sealing/report-foreign-entries.service.js';
import { SealEntriesService } from './sealing/seal-entries.service.js';
import { SealRepository } from './sealing/seal.repository.js';
import { SealingMetrics } from './sealing/sealing.metrics.js';
import { EntryMac } from './trail/entry-mac.js';
import { VerificationRepository } from './verification/verification.repository.js';
import { VerifyLogService } from './verification/verify-log.service.js';

/** The chain of entries, for the routes and for the jobs. */
@Module({
  imports: [ObjectStoreModule],
  providers: [
    ChainHeads,
    CheckpointMetrics,
    CheckpointRepository,
    CheckpointSigner,
    EntryMac,
    MakeCheckpointsService,
    PublishCheckpointService,
    ReportForeignEntriesService,
    SealEntriesService,
    SealRepository,
    SealingMetrics,
    VerificationRepository,
    VerifyLogService,
  ],
  exports: [
    CheckpointRepository,
    CheckpointSigner,
    EntryMac,
    MakeCheckpointsService,
    PublishCheckpointService,
    SealEntriesService,
    SealRepository,
    VerificationRepository,
    VerifyLogService,
  ],
})
export class AuditLogModule {}
