import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { ChangeProviderService } from './change-provider.service.js';
import { CreateProviderService } from './create-provider.service.js';
import { DeleteProviderService } from './delete-provider.service.js';
import { CreateProviderDto, UpdateProviderDto } from './dto/provider.dto.js';
import {
  DeletedProviderResponse,
  ProviderListResponse,
  ProviderResponse,
} from './dto/provider.responses.js';
import { viewDeletedProvider, viewProvider } from './provider.view.js';
import { NEW_PROVIDER_EXAMPLE, PROVIDER_EXAMPLE } from './providers.examples.js';
import { ReadProvidersService } from './read-providers.service.js';

@ApiTags('Providers')
@Controller('v1/providers')
export class ProvidersController {
  constructor(
    private readonly createProvider: CreateProviderService,
    private readonly readProviders: ReadProvidersService,
    private readonly changeProvider: ChangeProviderService,
    private readonly deleteProvider: DeleteProviderService,
  ) {}

  @Post()
  @Endpoint({
    id: 'createProvider',
    summary: 'Add a provider',
    description: 'Where models are to be had. Add routes to say which.',
    scope: 'providers:write',
    status: 201,
    requestBody: CreateProviderDto,
    requestExample: NEW_PROVIDER_EXAMPLE,
    response: ProviderResponse,
    example: PROVIDER_EXAMPLE,
    errors: ['conflict'],
    idempotent: { secretFields: [] },
  })
  async create(
    @CallerOrganization() organizationId: string,
    @Body() body: CreateProviderDto,
  ): Promise<ProviderResponse> {
    return viewProvider(await this.createProvider.create(organizationId, body));
  }

  @Get()
  @Endpoint({
    id: 'listProviders',
    summary: 'List providers',
    description: 'Newest first.',
    scope: 'providers:read',
    response: ProviderListResponse,
    example: { data: [PROVIDER_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() page: PageQuery,
  ): Promise<Page<ProviderResponse>> {
    return this.readProviders.list(organizationId, page);
  }

  @Get(':id')
  @Endpoint({
    id: 'getProvider',
    summary: 'Get a provider',
    scope: 'providers:read',
    response: ProviderResponse,
    example: PROVIDER_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<ProviderResponse> {
    return viewProvider(await this.readProviders.get(organizationId, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateProvider',
    summary: 'Change a provider',
    description:
      'Changes what is given. A key is bound to its origin: a new origin needs its key again.',
    scope: 'providers:write',
    requestBody: UpdateProviderDto,
    requestExample: { timeouts: { first_byte_ms: 30_000 } },
    response: ProviderResponse,
    example: {
      ...PROVIDER_EXAMPLE,
      timeouts: { ...PROVIDER_EXAMPLE.timeouts, first_byte_ms: 30_000 },
      version: 2,
    },
    errors: ['not_found', 'conflict'],
  })
  async update(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
    @Body() body: UpdateProviderDto,
  ): Promise<ProviderResponse> {
    return viewProvider(await this.changeProvider.change(organizationId, id, body));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteProvider',
    summary: 'Delete a provider',
    description: 'With its key, for good. Its routes must be gone before.',
    scope: 'providers:write',
    response: DeletedProviderResponse,
    example: { id: PROVIDER_EXAMPLE.id, deleted: true },
    errors: ['not_found', 'conflict'],
  })
  async delete(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<DeletedProviderResponse> {
    await this.deleteProvider.delete(organizationId, id);
    return viewDeletedProvider(id);
  }
}
