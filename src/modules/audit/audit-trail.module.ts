import { Global, Module } from '@nestjs/common';

import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { AppendEntryService } from './trail/append-entry.service.js';
import { AuditEntryRepository } from './trail/audit-entry.repository.js';
import { EntryMac } from './trail/entry-mac.js';

/** What every module writes its changes down with. */
@Global()
@Module({
  providers: [
    AuditEntryRepository,
    EntryMac,
    { provide: AuditTrail, useClass: AppendEntryService },
  ],
  exports: [AuditTrail],
})
export class AuditTrailModule {}
