import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../../calling-key.decorator.js';
import { RevokeKeyService } from '../../revoke-key.service.js';
import type { KeyView } from '../../domain/key-view.js';
import { IssueKeyService } from '../../issue-key.service.js';
import { ReadKeysService } from '../../read-keys.service.js';
import {
  ApiKeyListResponse,
  CreateApiKeyDto,
  CreatedApiKeyResponse,
  DeletedApiKeyResponse,
  ListApiKeysQuery,
} from './multiroute-keys.dto.js';
import { viewApiKeyList, viewCreatedApiKey } from './multiroute-keys.view.js';

const EXAMPLE = {
  id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'production-backend',
  created_at: '2026-11-21T09:00:00.000Z',
  scopes: ['inference'],
};

/** Keys as MultiRoute's API shows them (multiroute.ai/docs/api/api-keys): the same keys, in other clothes. */
@ApiTags('Keys (MultiRoute API)')
@Controller('v1/api-keys')
export class MultirouteKeysController {
  constructor(
    private readonly issueKey: IssueKeyService,
    private readonly readKeys: ReadKeysService,
    private readonly revokeKey: RevokeKeyService,
  ) {}

  @Post()
  @Endpoint({
    id: 'createApiKey',
    summary: 'Create an API key',
    description:
      'In the calling key’s environment. The secret is in the answer’s `secret`, this once. A key never gets more than the key that makes it has.',
    scope: 'keys:write',
    status: 201,
    requestBody: CreateApiKeyDto,
    requestExample: {
      name: 'production-backend',
      scopes: ['inference'],
      expires_at: '2027-12-31T23:59:59Z',
    },
    response: CreatedApiKeyResponse,
    example: {
      ...EXAMPLE,
      secret: 'pr-live-EXAMPLEonlyEXAMPLEonlyEXAMPLEonl',
      expires_at: '2027-12-31T23:59:59.000Z',
    },
    errors: ['escalation_denied'],
    idempotent: { secretFields: ['secret', 'signing_secret'] },
  })
  async create(
    @CallingKey() caller: KeyView,
    @Body() body: CreateApiKeyDto,
  ): Promise<CreatedApiKeyResponse> {
    const { environment } = caller;
    return viewCreatedApiKey(await this.issueKey.issue(caller, { ...body, environment }));
  }

  @Get()
  @Endpoint({
    id: 'listApiKeys',
    summary: 'List API keys',
    description: 'Newest first, without secrets, revoked ones included.',
    scope: 'keys:read',
    response: ApiKeyListResponse,
    example: {
      data: [
        { ...EXAMPLE, prefix: 'pr-live-', last_four: 'a1B2', last_used_at: null, revoked: false },
      ],
      has_more: false,
      next_cursor: null,
    },
    errors: ['invalid_request'],
  })
  async list(
    @CallingKey() caller: KeyView,
    @Query() query: ListApiKeysQuery,
  ): Promise<ApiKeyListResponse> {
    return viewApiKeyList(await this.readKeys.list(caller, query));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteApiKey',
    summary: 'Delete an API key',
    description:
      'Revokes it, at once and for good. It stays in the list, as revoked. Doing it again is harmless.',
    scope: 'keys:write',
    response: DeletedApiKeyResponse,
    example: { status: 'ok', id: EXAMPLE.id, revoked: true },
    errors: ['not_found', 'escalation_denied'],
  })
  async delete(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<DeletedApiKeyResponse> {
    await this.revokeKey.revoke(caller, id, {});
    return { status: 'ok', id, revoked: true };
  }
}
