import { Controller, Delete, Get, Header, Param, Query, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeleteExportService } from './delete-export.service.js';
import { CONTENT_TYPES } from './domain/audit-export.js';
import { DownloadExportService, type ExportFile } from './download-export.service.js';
import { SignedFileQuery } from './dto/export.queries.js';
import { ExportListResponse, ExportResponse } from './dto/export.responses.js';
import { EXPORT_EXAMPLE, FILE_EXAMPLE } from './exports.examples.js';
import { ReadExportsService } from './read-exports.service.js';

const FILE_TYPES = Object.values(CONTENT_TYPES).map((type) => type.replace(/;.*/, ''));

@ApiTags('Audit exports')
@Controller('v1/exports')
export class ExportsController {
  constructor(
    private readonly readExports: ReadExportsService,
    private readonly deleteExport: DeleteExportService,
    private readonly downloadExport: DownloadExportService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listExports',
    summary: 'List exports',
    description: 'The newest first. Who reaches only some keys sees their own.',
    scope: 'audit:export',
    response: ExportListResponse,
    example: { data: [EXPORT_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(@CallingKey() caller: KeyView, @Query() query: PageQuery): Promise<Page<ExportResponse>> {
    return this.readExports.list(caller, query);
  }

  @Get(':id')
  @Endpoint({
    id: 'getExport',
    summary: 'Get an export',
    description: 'How far it is and, once it is ready, a new link to the file.',
    scope: 'audit:export',
    response: ExportResponse,
    example: EXPORT_EXAMPLE,
    errors: ['not_found'],
  })
  async get(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<ExportResponse> {
    return this.readExports.view(caller, await this.readExports.find(caller, id));
  }

  @Get(':id/download')
  @Header('Cache-Control', 'no-store')
  @Endpoint({
    id: 'downloadExport',
    summary: 'Download an export',
    description: 'Each download is written to the audit log.',
    scope: 'audit:export',
    contentType: FILE_TYPES,
    example: FILE_EXAMPLE,
    isAudited: true,
    errors: ['not_found', 'conflict', 'service_unavailable'],
  })
  async download(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<StreamableFile> {
    return fileOf(await this.downloadExport.download(caller, id));
  }

  @Get(':id/file')
  @Header('Cache-Control', 'no-store')
  @Endpoint({
    id: 'getExportFile',
    summary: 'Download an export by its link',
    description:
      'The `download_url` of an export: no credential is needed. It is good for an hour, and only as long as whom it was made for may have the export. Each download is written to the audit log.',
    scope: 'public',
    contentType: FILE_TYPES,
    example: FILE_EXAMPLE,
    isAudited: true,
    errors: ['invalid_request', 'not_found', 'conflict', 'service_unavailable'],
  })
  async file(@Param('id') id: string, @Query() query: SignedFileQuery): Promise<StreamableFile> {
    return fileOf(await this.downloadExport.downloadSigned(id, query));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteExport',
    summary: 'Cancel or delete an export',
    description:
      'One that is not finished is cancelled. The file of one that is can’t be downloaded any more and is deleted within a minute; what is told of it stays for 90 days.',
    scope: 'audit:export',
    response: ExportResponse,
    example: { ...EXPORT_EXAMPLE, state: 'cancelled', download_url: null },
    errors: ['not_found'],
  })
  async delete(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<ExportResponse> {
    return this.readExports.view(caller, await this.deleteExport.delete(caller, id));
  }
}

function fileOf({ of: { id, format, bytes }, content }: ExportFile): StreamableFile {
  return new StreamableFile(content, {
    type: CONTENT_TYPES[format],
    disposition: `attachment; filename="${id}.${format}"`,
    length: bytes,
  });
}
