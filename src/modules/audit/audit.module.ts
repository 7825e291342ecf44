import { Module } from '@nestjs/common';

import { KeysModule } from '#modules/keys/index.js';

import { AuditLogModule } from './audit-log.module.js';
import { CheckpointsController } from './checkpoints/checkpoints.controller.js';
import { ListCheckpointsService } from './checkpoints/list-checkpoints.service.js';
import { ExportRoutesModule } from './exports/export-routes.module.js';
import { AuditController } from './reading/audit.controller.js';
import { AuditSearchRepository } from './reading/audit-search.repository.js';
import { ReachedEntries } from './reading/reached-entries.service.js';
import { ReadEntriesService } from './reading/read-entries.service.js';
import { VerificationController } from './verification/verification.controller.js';

/** The audit log's routes. */
@Module({
  imports: [AuditLogModule, ExportRoutesModule, KeysModule],
  controllers: [CheckpointsController, VerificationController, AuditController],
  providers: [AuditSearchRepository, ListCheckpointsService, ReachedEntries, ReadEntriesService],
})
export class AuditModule {}
