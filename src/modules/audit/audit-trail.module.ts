import { Global, Module } from '@nestjs/common';

import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { AuditSpoolModule } from './audit-spool.module.js';
import { AppendEntryService } from './trail/append-entry.service.js';

/** What every module writes to the audit log with: changes in their transaction, all else through the spool. */
@Global()
@Module({
  imports: [AuditSpoolModule],
  providers: [{ provide: AuditTrail, useClass: AppendEntryService }],
  exports: [AuditTrail, AuditSpoolModule],
})
export class AuditTrailModule {}
