import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { viewKey, viewRevokedKey } from './api-key.view.js';
import { CallingKey } from './calling-key.decorator.js';
import type { KeyView } from './domain/key-view.js';
import { CreateKeyDto, RevokeKeyDto } from './dto/create-key.dto.js';
import {
  CallingKeyResponse,
  CreatedKeyResponse,
  KeyListResponse,
  KeyPolicyResponse,
  KeyResponse,
  RevokedKeyResponse,
} from './dto/key.responses.js';
import {
  CALLING_KEY_EXAMPLE,
  CREATED_KEY_EXAMPLE,
  KEY_EXAMPLE,
  KEY_POLICY_EXAMPLE,
  NEW_KEY_EXAMPLE,
} from './keys.examples.js';
import { IssueKeyService } from './issue-key.service.js';
import { ReadKeysService } from './read-keys.service.js';
import { RevokeKeyService } from './revoke-key.service.js';

@ApiTags('Keys')
@Controller('v1')
export class KeysController {
  constructor(
    private readonly issueKey: IssueKeyService,
    private readonly readKeys: ReadKeysService,
    private readonly revokeKey: RevokeKeyService,
  ) {}

  @Post('keys')
  @Endpoint({
    id: 'createKey',
    summary: 'Create a key',
    description:
      'The secret is in the answer’s `key`, this once. A key never gets more than the key that makes it has.',
    scope: 'keys:write',
    status: 201,
    requestBody: CreateKeyDto,
    requestExample: NEW_KEY_EXAMPLE,
    response: CreatedKeyResponse,
    example: CREATED_KEY_EXAMPLE,
    errors: ['escalation_denied'],
    idempotent: { secretFields: ['key'] },
  })
  async create(
    @CallingKey() caller: KeyView,
    @Body() body: CreateKeyDto,
  ): Promise<CreatedKeyResponse> {
    const { issued, secret } = await this.issueKey.issue(caller, body);
    return { ...viewKey(issued, null, issued.key.createdAt.getTime()), key: secret.reveal() };
  }

  @Get('keys')
  @Endpoint({
    id: 'listKeys',
    summary: 'List keys',
    description: 'Newest first, without secrets, revoked ones included.',
    scope: 'keys:read',
    response: KeyListResponse,
    example: { data: [KEY_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(@CallingKey() caller: KeyView, @Query() page: PageQuery): Promise<Page<KeyResponse>> {
    return this.readKeys.list(caller.organizationId, page);
  }

  @Get('keys/:id')
  @Endpoint({
    id: 'getKey',
    summary: 'Get a key',
    scope: 'keys:read',
    response: KeyResponse,
    example: KEY_EXAMPLE,
    errors: ['not_found'],
  })
  get(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<KeyResponse> {
    return this.readKeys.get(caller.organizationId, id);
  }

  @Get('keys/:id/policy')
  @Endpoint({
    id: 'getKeyPolicy',
    summary: 'Get a key’s effective policy',
    description: 'What the key may do, field by field, and where each restriction came from.',
    scope: 'keys:read',
    response: KeyPolicyResponse,
    example: KEY_POLICY_EXAMPLE,
    errors: ['not_found'],
  })
  getPolicy(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<KeyPolicyResponse> {
    return this.readKeys.getPolicy(caller.organizationId, id);
  }

  @Delete('keys/:id')
  @Endpoint({
    id: 'revokeKey',
    summary: 'Revoke a key',
    description:
      'For good. It is refused at once here, and on every other instance within a second. Doing it again is harmless.',
    scope: 'keys:write',
    requestBody: RevokeKeyDto,
    isBodyOptional: true,
    requestExample: { reason: 'leaked in a log' },
    response: RevokedKeyResponse,
    example: {
      id: KEY_EXAMPLE.id,
      status: 'revoked',
      revoked: true,
      revoked_at: '2026-11-21T10:00:00.000Z',
    },
    errors: ['not_found', 'escalation_denied'],
  })
  async revoke(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: RevokeKeyDto,
  ): Promise<RevokedKeyResponse> {
    return viewRevokedKey(id, await this.revokeKey.revoke(caller, id, body.reason ?? null));
  }

  @Get('key')
  @Endpoint({
    id: 'getCallingKey',
    summary: 'Get the calling key',
    description: 'What the key that you call with is, may do, and has used so far.',
    scope: 'authenticated',
    response: CallingKeyResponse,
    example: CALLING_KEY_EXAMPLE,
  })
  getCalling(@CallingKey() caller: KeyView): Promise<CallingKeyResponse> {
    return this.readKeys.getWithUsage(caller.organizationId, caller.keyId);
  }
}
