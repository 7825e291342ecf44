import { Module } from '@nestjs/common';

import { AuditLogModule } from './audit-log.module.js';
import { CheckpointsController } from './checkpoints/checkpoints.controller.js';
import { ListCheckpointsService } from './checkpoints/list-checkpoints.service.js';
import { VerificationController } from './verification/verification.controller.js';

/** The audit log's routes. */
@Module({
  imports: [AuditLogModule],
  controllers: [CheckpointsController, VerificationController],
  providers: [ListCheckpointsService],
})
export class AuditModule {}
