import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { CallingKey, type KeyView } from '#modules/keys/index.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { AskedLogQuery } from '../dto/asked-log.js';
import type { ExportedEntry } from '../domain/exported-entry.js';
import { AUDIT_ENTRY_EXAMPLE, KEY_EVENT_EXAMPLE } from './audit.examples.js';
import { ListAuditQuery, ListKeyEventsQuery } from './dto/audit.queries.js';
import {
  AuditEntryResponse,
  AuditListResponse,
  KeyEventListResponse,
} from './dto/audit.responses.js';
import { ReadEntriesService } from './read-entries.service.js';

@ApiTags('Audit')
@Controller('v1')
export class AuditController {
  constructor(private readonly readEntries: ReadEntriesService) {}

  @Get('audit')
  @Endpoint({
    id: 'listAuditEntries',
    summary: 'List the audit log',
    description:
      'Newest first: who did what to what, from where and why, what is personal included. Filters are joined: an entry is listed when it passes all. Who reaches only some keys reads the log of one of them by `key_id`.',
    scope: 'audit:read',
    response: AuditListResponse,
    example: { data: [AUDIT_ENTRY_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallingKey() caller: KeyView,
    @Query() query: ListAuditQuery,
  ): Promise<Page<ExportedEntry>> {
    return this.readEntries.list(caller, query);
  }

  @Get('audit/:id')
  @Endpoint({
    id: 'getAuditEntry',
    summary: 'Get an entry of the audit log',
    scope: 'audit:read',
    response: AuditEntryResponse,
    example: AUDIT_ENTRY_EXAMPLE,
    errors: ['not_found', 'invalid_request'],
  })
  get(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Query() query: AskedLogQuery,
  ): Promise<ExportedEntry> {
    return this.readEntries.get(caller, id, query);
  }

  @Get('keys/:id/audit')
  @Endpoint({
    id: 'listKeyAudit',
    summary: 'List the audit log of a key',
    description: 'Newest first, what is personal included; also of a key that was revoked.',
    scope: 'audit:read',
    response: KeyEventListResponse,
    example: { events: [KEY_EVENT_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['not_found', 'invalid_request'],
  })
  listOfKey(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Query() query: ListKeyEventsQuery,
  ): Promise<KeyEventListResponse> {
    return this.readEntries.listOfKey(caller, id, query);
  }
}
