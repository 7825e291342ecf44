import { Module } from '@nestjs/common';

import { KeyStoreModule } from '#modules/keys/index.js';
import { ObjectStoreModule } from '#platform/object-store/object-store.module.js';

import { CreateExportController } from './create-export.controller.js';
import { CreateExportService } from './create-export.service.js';
import { DeleteExportService } from './delete-export.service.js';
import { DownloadExportService } from './download-export.service.js';
import { ExportsController } from './exports.controller.js';
import { ExportsModule } from './exports.module.js';
import { ReadExportsService } from './read-exports.service.js';
import { RecordDownload } from './record-download.js';

@Module({
  imports: [ExportsModule, KeyStoreModule, ObjectStoreModule],
  controllers: [CreateExportController, ExportsController],
  providers: [
    CreateExportService,
    DeleteExportService,
    DownloadExportService,
    ReadExportsService,
    RecordDownload,
  ],
})
export class ExportRoutesModule {}
