import { Body, Controller, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CreateExportService } from './create-export.service.js';
import { CreateExportDto } from './dto/create-export.dto.js';
import { ExportResponse } from './dto/export.responses.js';
import { viewExport } from './export.view.js';
import { NEW_EXPORT_EXAMPLE } from './exports.examples.js';

const DESCRIPTION =
  'A worker makes the file; ask GET /v1/exports/{id} how far it is. It is made with the rights that the caller has then. An organization has at most five that are not finished.';
const BODY = { format: 'ndjson', period: 'last_quarter' };

@ApiTags('Audit exports')
@Controller('v1')
export class CreateExportController {
  constructor(private readonly createExport: CreateExportService) {}

  @Post('audit/export')
  @Endpoint({
    id: 'exportAudit',
    summary: 'Export the audit log',
    description: DESCRIPTION,
    scope: 'audit:export',
    status: 202,
    requestBody: CreateExportDto,
    requestExample: BODY,
    response: ExportResponse,
    example: NEW_EXPORT_EXAMPLE,
    errors: ['invalid_request', 'operation_not_allowed', 'concurrency_limit_exceeded'],
    idempotent: { secretFields: [] },
  })
  async exportAll(
    @CallingKey() caller: KeyView,
    @Body() body: CreateExportDto,
  ): Promise<ExportResponse> {
    return viewExport(await this.createExport.create(caller, null, body), null);
  }

  @Post('keys/:id/audit/export')
  @Endpoint({
    id: 'exportKeyAudit',
    summary: 'Export a key’s audit log',
    description: DESCRIPTION,
    scope: 'audit:export',
    status: 202,
    requestBody: CreateExportDto,
    requestExample: BODY,
    response: ExportResponse,
    example: { ...NEW_EXPORT_EXAMPLE, key_id: 'key_1sLwq8nE2bYcA4fTqV0mZx' },
    errors: ['not_found', 'invalid_request', 'concurrency_limit_exceeded'],
    idempotent: { secretFields: [] },
  })
  async exportOfKey(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: CreateExportDto,
  ): Promise<ExportResponse> {
    return viewExport(await this.createExport.create(caller, id, body), null);
  }
}
