import { Module } from '@nestjs/common';
import { join } from 'node:path';

import { AuditSpool } from '#platform/audit-trail/audit-spool.port.js';
import { CONFIG } from '#platform/config/config.module.js';
import type { Config } from '#platform/config/env.js';

import { ShipEntriesService } from './spool/ship-entries.service.js';
import { SpoolEntries } from './spool/spool-entries.service.js';
import { SpoolFolder } from './spool/spool-folder.js';
import { AuditEntryRepository } from './trail/audit-entry.repository.js';
import { EntryMac } from './trail/entry-mac.js';
import { EntryMaker } from './trail/entry-maker.js';

/** The ways into the log. Not global, so that the pool of connections outlives it: what is spooled is shipped at the end. */
@Module({
  providers: [
    AuditEntryRepository,
    EntryMac,
    EntryMaker,
    {
      provide: SpoolFolder,
      inject: [CONFIG],
      useFactory: ({ dataDir }: Config) => new SpoolFolder(join(dataDir, 'audit-spool')),
    },
    ShipEntriesService,
    { provide: AuditSpool, useClass: SpoolEntries },
  ],
  exports: [AuditEntryRepository, AuditSpool, EntryMac, EntryMaker],
})
export class AuditSpoolModule {}
