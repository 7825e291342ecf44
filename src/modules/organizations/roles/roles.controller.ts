import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Caller, CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeletedResponse } from '../deleted.response.js';
import { ChangeRoleService } from './change-role.service.js';
import { CreateRoleDto, UpdateRoleDto } from './dto/role.dto.js';
import { RoleListResponse, RoleResponse } from './dto/role.responses.js';
import { ReadRolesService } from './read-roles.service.js';
import { viewRole } from './role.view.js';

const ROLE_EXAMPLE = {
  id: 'role_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'Release manager',
  description: null,
  scopes: ['keys:read', 'usage:read'],
  built_in: false,
  created_at: '2026-11-27T09:00:00.000Z',
};

@ApiTags('Roles')
@Controller('v1/roles')
export class RolesController {
  constructor(
    private readonly readRoles: ReadRolesService,
    private readonly changeRole: ChangeRoleService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listRoles',
    summary: 'List roles',
    description: 'The organization’s own, newest first, then the built-in ones.',
    scope: 'org:read',
    response: RoleListResponse,
    example: { data: [ROLE_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() page: PageQuery,
  ): Promise<Page<RoleResponse>> {
    return this.readRoles.list(organizationId, page);
  }

  @Post()
  @Endpoint({
    id: 'createRole',
    summary: 'Make a role',
    description: 'Its scopes lie within the caller’s own.',
    scope: 'org:write',
    status: 201,
    requestBody: CreateRoleDto,
    requestExample: { name: 'Release manager', scopes: ['keys:read', 'usage:read'] },
    response: RoleResponse,
    example: ROLE_EXAMPLE,
    errors: ['conflict', 'escalation_denied'],
    idempotent: { secretFields: [] },
  })
  async create(@Caller() caller: Principal, @Body() body: CreateRoleDto): Promise<RoleResponse> {
    return viewRole(await this.changeRole.create(caller, body));
  }

  @Get(':id')
  @Endpoint({
    id: 'getRole',
    summary: 'Get a role',
    scope: 'org:read',
    response: RoleResponse,
    example: ROLE_EXAMPLE,
    errors: ['not_found'],
  })
  get(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<RoleResponse> {
    return this.readRoles.get(organizationId, id);
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateRole',
    summary: 'Change a role',
    description:
      'Changes what is given, for all who have the role. The scopes that it had and gets are the caller’s own too.',
    scope: 'org:write',
    requestBody: UpdateRoleDto,
    requestExample: { scopes: ['keys:read'] },
    response: RoleResponse,
    example: { ...ROLE_EXAMPLE, scopes: ['keys:read'] },
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  async update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: UpdateRoleDto,
  ): Promise<RoleResponse> {
    return viewRole(await this.changeRole.change(caller, id, body));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteRole',
    summary: 'Delete a role',
    description: 'One that nobody has, and nobody is invited to.',
    scope: 'org:write',
    response: DeletedResponse,
    example: { id: ROLE_EXAMPLE.id, deleted: true },
    errors: ['not_found', 'conflict'],
  })
  async delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedResponse> {
    await this.changeRole.delete(caller, id);
    return { id, deleted: true };
  }
}
