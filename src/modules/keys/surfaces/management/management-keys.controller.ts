import { Body, Controller, Delete, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../../calling-key.decorator.js';
import type { KeyView } from '../../domain/key-view.js';
import { PREFIXES } from './management-paths.js';
import {
  CreatedNamedKeyResponse,
  CreateNamedKeyDto,
  DeletedNamedKeyResponse,
  DeleteNamedKeyDto,
  ListNamedKeysQuery,
  NamedKeyListResponse,
} from './named-keys.dto.js';
import { NamedKeysService } from './named-keys.service.js';
import { viewCreatedNamedKey, viewNamedKeyList } from './named-keys.view.js';

const EXAMPLE = { name: 'batch-worker', created_at: 1_795_251_600, is_management_key: false };

/** Keys as the Management API shows them (docs.cortecs.ai/api-overview/management-api). */
@ApiTags('Keys (Management API)')
@Controller(PREFIXES.map((prefix) => `${prefix}/api-keys`))
export class ManagementKeysController {
  constructor(private readonly namedKeys: NamedKeysService) {}

  @Get()
  @Endpoint({
    id: 'listNamedKeys',
    summary: 'List keys in use',
    description: 'Newest first, whatever API they were made with; without revoked ones.',
    scope: 'keys:read',
    response: NamedKeyListResponse,
    example: { api_keys: [EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  async list(
    @CallingKey() caller: KeyView,
    @Query() query: ListNamedKeysQuery,
  ): Promise<NamedKeyListResponse> {
    return viewNamedKeyList(await this.namedKeys.list(caller, query));
  }

  @Post()
  @Endpoint({
    id: 'createNamedKey',
    summary: 'Create a key by name',
    description:
      'In the calling key’s environment. The secret is in the answer’s `api_key`, this once. A key never gets more than the key that makes it has.',
    scope: 'keys:write',
    status: 201,
    requestBody: CreateNamedKeyDto,
    requestExample: { name: EXAMPLE.name, is_management_key: false },
    response: CreatedNamedKeyResponse,
    example: { api_key: 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl', ...EXAMPLE },
    errors: ['escalation_denied'],
    idempotent: { secretFields: ['api_key', 'signing_secret'] },
  })
  async create(
    @CallingKey() caller: KeyView,
    @Body() body: CreateNamedKeyDto,
  ): Promise<CreatedNamedKeyResponse> {
    return viewCreatedNamedKey(await this.namedKeys.create(caller, body));
  }

  @Delete()
  @Endpoint({
    id: 'deleteNamedKey',
    summary: 'Delete a key by name',
    description:
      'Revokes it, at once and for good. Refused for the calling key, and for a name that several keys have.',
    scope: 'keys:write',
    requestBody: DeleteNamedKeyDto,
    requestExample: { name: EXAMPLE.name },
    response: DeletedNamedKeyResponse,
    example: { success: true, deleted: EXAMPLE.name },
    errors: ['not_found', 'escalation_denied'],
  })
  async delete(
    @CallingKey() caller: KeyView,
    @Body() body: DeleteNamedKeyDto,
  ): Promise<DeletedNamedKeyResponse> {
    await this.namedKeys.delete(caller, body);
    return { success: true, deleted: body.name };
  }
}
