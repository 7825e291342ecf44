import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  Param,
  Patch,
  Post,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { Caller, CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';
import { VersionTagInterceptor } from '#platform/http/version-tag.interceptor.js';

import { DeletedResponse } from '../deleted.response.js';
import { ChangeServiceAccountService } from './change-service-account.service.js';
import { CreateServiceAccountService } from './create-service-account.service.js';
import {
  CreateServiceAccountDto,
  ListServiceAccountsQuery,
  UpdateServiceAccountDto,
} from './dto/service-account.dto.js';
import {
  ServiceAccountListResponse,
  ServiceAccountResponse,
} from './dto/service-account.responses.js';
import { ReadServiceAccountsService } from './read-service-accounts.service.js';
import { viewServiceAccount } from './service-account.view.js';
import { SERVICE_ACCOUNT_EXAMPLE } from './service-accounts.examples.js';

@ApiTags('Service accounts')
@UseInterceptors(VersionTagInterceptor)
@Controller('v1/service-accounts')
export class ServiceAccountsController {
  constructor(
    private readonly readAccounts: ReadServiceAccountsService,
    private readonly createAccount: CreateServiceAccountService,
    private readonly changeAccount: ChangeServiceAccountService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listServiceAccounts',
    summary: 'List service accounts',
    description: 'Newest first.',
    scope: 'org:read',
    response: ServiceAccountListResponse,
    example: { data: [SERVICE_ACCOUNT_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() query: ListServiceAccountsQuery,
  ): Promise<Page<ServiceAccountResponse>> {
    return this.readAccounts.list(organizationId, query);
  }

  @Post()
  @Endpoint({
    id: 'createServiceAccount',
    summary: 'Make a service account',
    description:
      'An identity that is nobody: its keys stay when people leave. Keys are made with `scope.service_account_id` of `POST /v1/keys`. The role lies within what the caller has.',
    scope: 'org:write',
    status: 201,
    requestBody: CreateServiceAccountDto,
    requestExample: { name: 'nightly-batch', role: 'developer' },
    response: ServiceAccountResponse,
    example: SERVICE_ACCOUNT_EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied'],
    idempotent: { secretFields: [] },
  })
  async create(
    @Caller() caller: Principal,
    @Body() body: CreateServiceAccountDto,
  ): Promise<ServiceAccountResponse> {
    return viewServiceAccount(await this.createAccount.create(caller, body));
  }

  @Get(':id')
  @Endpoint({
    id: 'getServiceAccount',
    summary: 'Get a service account',
    scope: 'org:read',
    response: ServiceAccountResponse,
    example: SERVICE_ACCOUNT_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<ServiceAccountResponse> {
    return viewServiceAccount(await this.readAccounts.get(organizationId, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateServiceAccount',
    summary: 'Change a service account',
    description:
      'Changes what is given. Both roles lie within what the caller has. Another role holds for the keys that there are, too: they never do more than it lets them. `If-Match` with the version you read keeps you from overwriting another’s change.',
    scope: 'org:write',
    requestBody: UpdateServiceAccountDto,
    requestExample: { role: 'viewer' },
    response: ServiceAccountResponse,
    example: { ...SERVICE_ACCOUNT_EXAMPLE, role: 'viewer', version: 2 },
    errors: ['not_found', 'conflict', 'escalation_denied', 'precondition_failed'],
  })
  @ApiHeader({ name: 'if-match', required: false, description: 'The `ETag` of the answer before.' })
  async update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: UpdateServiceAccountDto,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ServiceAccountResponse> {
    return viewServiceAccount(await this.changeAccount.change(caller, id, body, ifMatch ?? null));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteServiceAccount',
    summary: 'Delete a service account',
    description: 'Its keys are refused as revoked at once, and revoked for good.',
    scope: 'org:write',
    response: DeletedResponse,
    example: { id: SERVICE_ACCOUNT_EXAMPLE.id, deleted: true },
    errors: ['not_found', 'escalation_denied'],
  })
  async delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedResponse> {
    await this.changeAccount.delete(caller, id);
    return { id, deleted: true };
  }

  @Post(':id/suspend')
  @Endpoint({
    id: 'suspendServiceAccount',
    summary: 'Suspend a service account',
    description: 'Its keys are refused until it is resumed. What they may do does not change.',
    scope: 'org:write',
    response: ServiceAccountResponse,
    example: { ...SERVICE_ACCOUNT_EXAMPLE, status: 'suspended', version: 2 },
    errors: ['not_found', 'escalation_denied'],
  })
  async suspend(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<ServiceAccountResponse> {
    return viewServiceAccount(await this.changeAccount.setStatus(caller, id, 'suspended'));
  }

  @Post(':id/resume')
  @Endpoint({
    id: 'resumeServiceAccount',
    summary: 'Resume a service account',
    scope: 'org:write',
    response: ServiceAccountResponse,
    example: { ...SERVICE_ACCOUNT_EXAMPLE, version: 3 },
    errors: ['not_found', 'escalation_denied'],
  })
  async resume(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<ServiceAccountResponse> {
    return viewServiceAccount(await this.changeAccount.setStatus(caller, id, 'active'));
  }
}
