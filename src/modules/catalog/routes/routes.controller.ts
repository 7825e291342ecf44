import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { ChangeRouteService } from './change-route.service.js';
import { CreateRouteService } from './create-route.service.js';
import { DeleteRouteService } from './delete-route.service.js';
import { CreateRouteDto, UpdateRouteDto } from './dto/route.dto.js';
import { DeletedRouteResponse, RouteListResponse, RouteResponse } from './dto/route.responses.js';
import { ReadRoutesService } from './read-routes.service.js';
import { viewDeletedRoute, viewRoute } from './route.view.js';
import { NEW_ROUTE_EXAMPLE, ROUTE_EXAMPLE } from './routes.examples.js';

@ApiTags('Routes')
@Controller('v1/routes')
export class RoutesController {
  constructor(
    private readonly createRoute: CreateRouteService,
    private readonly readRoutes: ReadRoutesService,
    private readonly changeRoute: ChangeRouteService,
    private readonly deleteRoute: DeleteRouteService,
  ) {}

  @Post()
  @Endpoint({
    id: 'createRoute',
    summary: 'Add a route',
    description:
      'Makes a model of a provider available under a name. A model may have several routes.',
    scope: 'providers:write',
    status: 201,
    requestBody: CreateRouteDto,
    requestExample: NEW_ROUTE_EXAMPLE,
    response: RouteResponse,
    example: ROUTE_EXAMPLE,
    errors: ['not_found', 'conflict'],
    idempotent: { secretFields: [] },
  })
  async create(
    @CallerOrganization() organizationId: string,
    @Body() body: CreateRouteDto,
  ): Promise<RouteResponse> {
    return viewRoute(await this.createRoute.create(organizationId, body));
  }

  @Get()
  @Endpoint({
    id: 'listRoutes',
    summary: 'List routes',
    description: 'Newest first.',
    scope: 'providers:read',
    response: RouteListResponse,
    example: { data: [ROUTE_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() page: PageQuery,
  ): Promise<Page<RouteResponse>> {
    return this.readRoutes.list(organizationId, page);
  }

  @Get(':id')
  @Endpoint({
    id: 'getRoute',
    summary: 'Get a route',
    scope: 'providers:read',
    response: RouteResponse,
    example: ROUTE_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<RouteResponse> {
    return viewRoute(await this.readRoutes.get(organizationId, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateRoute',
    summary: 'Change a route',
    description: 'Changes what is given. A new price counts from the next call on.',
    scope: 'providers:write',
    requestBody: UpdateRouteDto,
    requestExample: { priority: 10 },
    response: RouteResponse,
    example: { ...ROUTE_EXAMPLE, priority: 10, version: 2 },
    errors: ['not_found', 'conflict'],
  })
  async update(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
    @Body() body: UpdateRouteDto,
  ): Promise<RouteResponse> {
    return viewRoute(await this.changeRoute.change(organizationId, id, body));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteRoute',
    summary: 'Delete a route',
    scope: 'providers:write',
    response: DeletedRouteResponse,
    example: { id: ROUTE_EXAMPLE.id, deleted: true },
    errors: ['not_found'],
  })
  async delete(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<DeletedRouteResponse> {
    await this.deleteRoute.delete(organizationId, id);
    return viewDeletedRoute(id);
  }
}
