import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../../calling-key.decorator.js';
import type { KeyView } from '../../domain/key-view.js';
import { CallingProjectService } from './calling-project.service.js';
import { PREFIXES } from './management-paths.js';
import { viewProjectConfig } from './project-config.view.js';
import {
  ChangedProjectConfigResponse,
  ChangeProjectConfigDto,
  ProjectConfigResponse,
} from './project-configs.dto.js';

const EXAMPLE = {
  _id: 'project_4fTqV0mZx1sLwq8nE2bYcA',
  project_id: 'project_4fTqV0mZx1sLwq8nE2bYcA',
  preference: 'cost',
  allowed_providers: ['openai'],
  allow_overwrite: false,
  enable_model_fallback: false,
  allow_quantization: true,
  eu_native: false,
  created_at: '2026-11-27T09:00:00.000Z',
  updated_at: '2026-11-27T09:00:00.000Z',
};

/** What a project wants of the routing of its calls (docs.cortecs.ai/api-overview/management-api). */
@ApiTags('Projects (Management API)')
@Controller(PREFIXES.map((prefix) => `${prefix}/project-configs`))
export class ProjectConfigsController {
  constructor(private readonly projects: CallingProjectService) {}

  @Get()
  @Endpoint({
    id: 'getProjectConfig',
    summary: 'Get the settings of the calling key’s project',
    description:
      'Of the key’s first project. A project without settings of its own has those of the organization, which are also what a key of no project is told.',
    scope: 'config:read',
    response: ProjectConfigResponse,
    example: EXAMPLE,
  })
  async get(@CallingKey() caller: KeyView): Promise<ProjectConfigResponse> {
    return viewProjectConfig(await this.projects.read(caller));
  }

  @Put()
  @Endpoint({
    id: 'changeProjectConfig',
    summary: 'Change the settings of the calling key’s project',
    description:
      'Changes what is given. For administrators, and for any key with this scope while `allow_overwrite` is true.',
    scope: 'config:write',
    requestBody: ChangeProjectConfigDto,
    requestExample: { preference: 'cost', allowed_providers: ['openai'], allow_overwrite: false },
    response: ChangedProjectConfigResponse,
    example: { success: true },
  })
  async change(
    @CallingKey() caller: KeyView,
    @Body() body: ChangeProjectConfigDto,
  ): Promise<ChangedProjectConfigResponse> {
    await this.projects.change(caller, body);
    return { success: true };
  }
}
