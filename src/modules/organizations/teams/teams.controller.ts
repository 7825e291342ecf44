import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeletedResponse } from '../deleted.response.js';
import { ChangeTeamService } from './change-team.service.js';
import { CreateTeamDto, UpdateTeamDto } from './dto/team.dto.js';
import { TeamListResponse, TeamResponse } from './dto/team.responses.js';
import { ReadTeamsService } from './read-teams.service.js';
import { viewTeam } from './team.view.js';
import { TEAM_EXAMPLE } from './teams.examples.js';

@ApiTags('Teams')
@Controller('v1/teams')
export class TeamsController {
  constructor(
    private readonly readTeams: ReadTeamsService,
    private readonly changeTeam: ChangeTeamService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listTeams',
    summary: 'List teams',
    description: 'Newest first.',
    scope: 'org:read',
    response: TeamListResponse,
    example: { data: [TEAM_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() page: PageQuery,
  ): Promise<Page<TeamResponse>> {
    return this.readTeams.list(organizationId, page);
  }

  @Post()
  @Endpoint({
    id: 'createTeam',
    summary: 'Make a team',
    scope: 'org:write',
    status: 201,
    requestBody: CreateTeamDto,
    requestExample: { name: 'Platform', description: 'Everybody who works on the platform' },
    response: TeamResponse,
    example: TEAM_EXAMPLE,
    errors: ['conflict'],
    idempotent: { secretFields: [] },
  })
  async create(
    @CallerOrganization() organizationId: string,
    @Body() body: CreateTeamDto,
  ): Promise<TeamResponse> {
    return viewTeam(await this.changeTeam.create(organizationId, body));
  }

  @Get(':id')
  @Endpoint({
    id: 'getTeam',
    summary: 'Get a team',
    scope: 'org:read',
    response: TeamResponse,
    example: TEAM_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<TeamResponse> {
    return viewTeam(await this.readTeams.get(organizationId, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateTeam',
    summary: 'Change a team',
    description: 'Changes what is given.',
    scope: 'org:write',
    requestBody: UpdateTeamDto,
    requestExample: { name: 'Infrastructure' },
    response: TeamResponse,
    example: { ...TEAM_EXAMPLE, name: 'Infrastructure' },
    errors: ['not_found', 'conflict'],
  })
  async update(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
    @Body() body: UpdateTeamDto,
  ): Promise<TeamResponse> {
    return viewTeam(await this.changeTeam.change(organizationId, id, body));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteTeam',
    summary: 'Delete a team',
    description: 'One that nothing belongs to any more. Its members stay in the organization.',
    scope: 'org:write',
    response: DeletedResponse,
    example: { id: TEAM_EXAMPLE.id, deleted: true },
    errors: ['not_found', 'conflict'],
  })
  async delete(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<DeletedResponse> {
    await this.changeTeam.delete(organizationId, id);
    return { id, deleted: true };
  }

  @Post(':id/suspend')
  @Endpoint({
    id: 'suspendTeam',
    summary: 'Suspend a team',
    description: 'Its keys are refused until it is resumed. What they may do does not change.',
    scope: 'org:write',
    response: TeamResponse,
    example: { ...TEAM_EXAMPLE, status: 'suspended' },
    errors: ['not_found'],
  })
  async suspend(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<TeamResponse> {
    return viewTeam(await this.changeTeam.setStatus(organizationId, id, 'suspended'));
  }

  @Post(':id/resume')
  @Endpoint({
    id: 'resumeTeam',
    summary: 'Resume a team',
    scope: 'org:write',
    response: TeamResponse,
    example: TEAM_EXAMPLE,
    errors: ['not_found'],
  })
  async resume(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<TeamResponse> {
    return viewTeam(await this.changeTeam.setStatus(organizationId, id, 'active'));
  }
}
