import { Module } from '@nestjs/common';

import { AuditLogModule } from './audit-log.module.js';
import { AuditRetentionModule } from './audit-retention.module.js';
import { AUDIT_JOBS } from './audit.jobs.js';
import { MakeCheckpointsProcessor } from './checkpoints/make-checkpoints.processor.js';
import { ExportsModule } from './exports/exports.module.js';
import { SealEntriesProcessor } from './sealing/seal-entries.processor.js';

/** What the audit log does by itself. Without routes, since workers have it too. */
@Module({
  imports: [AuditLogModule, AuditRetentionModule, ExportsModule],
  providers: [AUDIT_JOBS, MakeCheckpointsProcessor, SealEntriesProcessor],
})
export class AuditJobsModule {}
