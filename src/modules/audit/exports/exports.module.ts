import { Module } from '@nestjs/common';

import { KeyStoreModule } from '#modules/keys/index.js';
import { NotificationsModule } from '#modules/notifications/index.js';
import { ObjectStoreModule } from '#platform/object-store/object-store.module.js';

import { AuditLogModule } from '../audit-log.module.js';
import { ExportLease } from './export-lease.js';
import { ExportLinks } from './export-links.js';
import { ExportNews } from './export-news.js';
import { ExportQueue } from './export-queue.js';
import { ExportRepository } from './export.repository.js';
import { ExportedEntriesRepository } from './exported-entries.repository.js';
import { ExporterRights } from './exporter-rights.service.js';
import { EXPORT_JOBS } from './exports.jobs.js';
import { RunExportProcessor, SweepExportsProcessor } from './exports.processors.js';
import { FinishExportService } from './finish-export.service.js';
import { RunExportService } from './run-export.service.js';
import { SweepExportsService } from './sweep-exports.service.js';
import { WarnOfFoldersService } from './warn-of-folders.service.js';
import { WriteEntriesService } from './write-entries.service.js';

/** Without routes, since workers have it too. */
@Module({
  imports: [AuditLogModule, KeyStoreModule, NotificationsModule, ObjectStoreModule],
  providers: [
    EXPORT_JOBS,
    ExportLease,
    ExportLinks,
    ExportNews,
    ExportQueue,
    ExportRepository,
    ExportedEntriesRepository,
    ExporterRights,
    FinishExportService,
    RunExportProcessor,
    RunExportService,
    SweepExportsProcessor,
    SweepExportsService,
    WarnOfFoldersService,
    WriteEntriesService,
  ],
  exports: [ExportLinks, ExportQueue, ExportRepository, ExporterRights],
})
export class ExportsModule {}
