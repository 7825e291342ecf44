import { Body, Controller, Get, Param, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { OrganizationResponse } from './dto/organization.response.js';
import { UpdateOrganizationDto } from './dto/update-organization.dto.js';
import { OrganizationSettingsService } from './organization-settings.service.js';
import { viewOrganization } from './organization.view.js';

const ORGANIZATION_EXAMPLE = {
  id: 'org_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'Default',
  leaked_keys: 'revoke',
  unclaimed_secrets: 'extend',
  expiry_reminder_days: [30, 7, 1],
  unused_key_days: null,
  unused_key_action: 'notify',
  created_at: '2026-11-21T09:00:00.000Z',
};

@ApiTags('Organizations')
@Controller('v1/organizations')
export class OrganizationsController {
  constructor(private readonly settings: OrganizationSettingsService) {}

  @Get(':id')
  @Endpoint({
    id: 'getOrganization',
    summary: 'Get an organization',
    description: 'The calling key’s own, whose id is the `organization_id` of `GET /v1/key`.',
    scope: 'org:read',
    response: OrganizationResponse,
    example: ORGANIZATION_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallerOrganization() own: string,
    @Param('id') id: string,
  ): Promise<OrganizationResponse> {
    return viewOrganization(await this.settings.get(own, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateOrganization',
    summary: 'Change an organization',
    description: 'The calling key’s own. What is absent stays.',
    scope: 'org:write',
    requestBody: UpdateOrganizationDto,
    requestExample: { leaked_keys: 'disable', unused_key_days: 90 },
    response: OrganizationResponse,
    example: { ...ORGANIZATION_EXAMPLE, leaked_keys: 'disable', unused_key_days: 90 },
    errors: ['not_found'],
  })
  async update(
    @CallerOrganization() own: string,
    @Param('id') id: string,
    @Body() body: UpdateOrganizationDto,
  ): Promise<OrganizationResponse> {
    return viewOrganization(await this.settings.update(own, id, body));
  }
}
