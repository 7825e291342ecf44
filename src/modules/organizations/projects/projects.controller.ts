import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { Caller, CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeletedResponse } from '../deleted.response.js';
import { ChangeProjectService } from './change-project.service.js';
import { CreateProjectDto, ListProjectsQuery, UpdateProjectDto } from './dto/project.dto.js';
import { ProjectListResponse, ProjectResponse } from './dto/project.responses.js';
import { viewProject } from './project.view.js';
import { ReadProjectsService } from './read-projects.service.js';

const PROJECT_EXAMPLE = {
  id: 'project_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'Search',
  description: null,
  team_id: null,
  created_at: '2026-11-27T09:00:00.000Z',
};

@ApiTags('Projects')
@Controller('v1/projects')
export class ProjectsController {
  constructor(
    private readonly readProjects: ReadProjectsService,
    private readonly changeProject: ChangeProjectService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listProjects',
    summary: 'List projects',
    description: 'Newest first; with `team_id` those of one team.',
    scope: 'org:read',
    response: ProjectListResponse,
    example: { data: [PROJECT_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() query: ListProjectsQuery,
  ): Promise<Page<ProjectResponse>> {
    return this.readProjects.list(organizationId, query);
  }

  @Post()
  @Endpoint({
    id: 'createProject',
    summary: 'Make a project',
    description: 'A key of a team makes those of its team, unless said.',
    scope: 'org:write',
    allowsTeamKeys: true,
    status: 201,
    requestBody: CreateProjectDto,
    requestExample: { name: 'Search' },
    response: ProjectResponse,
    example: PROJECT_EXAMPLE,
    errors: ['conflict', 'not_found'],
    idempotent: { secretFields: [] },
  })
  async create(
    @Caller() caller: Principal,
    @Body() body: CreateProjectDto,
  ): Promise<ProjectResponse> {
    return viewProject(await this.changeProject.create(caller, body));
  }

  @Get(':id')
  @Endpoint({
    id: 'getProject',
    summary: 'Get a project',
    scope: 'org:read',
    response: ProjectResponse,
    example: PROJECT_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<ProjectResponse> {
    return viewProject(await this.readProjects.get(organizationId, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateProject',
    summary: 'Change a project',
    description: 'Changes what is given.',
    scope: 'org:write',
    allowsTeamKeys: true,
    requestBody: UpdateProjectDto,
    requestExample: { team_id: 'team_4fTqV0mZx1sLwq8nE2bYcA' },
    response: ProjectResponse,
    example: { ...PROJECT_EXAMPLE, team_id: 'team_4fTqV0mZx1sLwq8nE2bYcA' },
    errors: ['not_found', 'conflict'],
  })
  async update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: UpdateProjectDto,
  ): Promise<ProjectResponse> {
    return viewProject(await this.changeProject.change(caller, id, body));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteProject',
    summary: 'Delete a project',
    description: 'One that nothing belongs to any more.',
    scope: 'org:write',
    allowsTeamKeys: true,
    response: DeletedResponse,
    example: { id: PROJECT_EXAMPLE.id, deleted: true },
    errors: ['not_found', 'conflict'],
  })
  async delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedResponse> {
    await this.changeProject.delete(caller, id);
    return { id, deleted: true };
  }
}
