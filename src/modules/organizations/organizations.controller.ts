import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';
import { MayWaitForApproval } from '#platform/http/approvals/may-wait.interceptor.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CreateOrganizationDto } from './dto/create-organization.dto.js';
import { OrganizationListResponse, OrganizationResponse } from './dto/organization.response.js';
import { UpdateOrganizationDto } from './dto/update-organization.dto.js';
import { OrganizationSettingsService } from './organization-settings.service.js';
import { viewOrganization } from './organization.view.js';
import { RunOrganizationsService } from './run-organizations.service.js';

const ORGANIZATION_EXAMPLE = {
  id: 'org_4fTqV0mZx1sLwq8nE2bYcA',
  name: 'Default',
  status: 'active',
  leaked_keys: 'revoke',
  unclaimed_secrets: 'extend',
  expiry_reminder_days: [30, 7, 1],
  unused_key_days: null,
  unused_key_action: 'notify',
  suspicious_keys: 'notify',
  audit_retention_days: 90,
  approval_expiry_hours: 168,
  approval_budget_threshold: null,
  created_at: '2026-11-21T09:00:00.000Z',
};

@ApiTags('Organizations')
@Controller('v1/organizations')
export class OrganizationsController {
  constructor(
    private readonly settings: OrganizationSettingsService,
    private readonly organizations: RunOrganizationsService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listOrganizations',
    summary: 'List organizations',
    description: 'The caller’s own; with a master key all, newest first.',
    scope: 'org:read',
    response: OrganizationListResponse,
    example: { data: [ORGANIZATION_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(@Caller() caller: Principal, @Query() page: PageQuery): Promise<Page<OrganizationResponse>> {
    return this.organizations.list(caller, page);
  }

  @Post()
  @Endpoint({
    id: 'createOrganization',
    summary: 'Make an organization',
    description: 'With a master key. Nobody is a member of it yet.',
    scope: 'org:write',
    status: 201,
    requestBody: CreateOrganizationDto,
    requestExample: { name: 'Acme' },
    response: OrganizationResponse,
    example: { ...ORGANIZATION_EXAMPLE, name: 'Acme' },
    errors: ['escalation_denied'],
    idempotent: { secretFields: [] },
  })
  async create(
    @Caller() caller: Principal,
    @Body() body: CreateOrganizationDto,
  ): Promise<OrganizationResponse> {
    return viewOrganization(await this.organizations.create(caller, body.name));
  }

  @Get(':id')
  @Endpoint({
    id: 'getOrganization',
    summary: 'Get an organization',
    description:
      'The calling key’s own, whose id is the `organization_id` of `GET /v1/key`; with a master key any.',
    scope: 'org:read',
    response: OrganizationResponse,
    example: ORGANIZATION_EXAMPLE,
    errors: ['not_found'],
  })
  async get(@Caller() caller: Principal, @Param('id') id: string): Promise<OrganizationResponse> {
    return viewOrganization(await this.settings.get(caller, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateOrganization',
    summary: 'Change an organization',
    description:
      'The calling key’s own; with a master key any. What is absent stays. To raise `approval_budget_threshold`, or to give it up, waits for somebody’s approval.',
    scope: 'org:write',
    requestBody: UpdateOrganizationDto,
    requestExample: { leaked_keys: 'disable', unused_key_days: 90 },
    response: OrganizationResponse,
    example: { ...ORGANIZATION_EXAMPLE, leaked_keys: 'disable', unused_key_days: 90 },
    errors: ['not_found', 'conflict', 'approval_required'],
  })
  @MayWaitForApproval()
  async update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: UpdateOrganizationDto,
  ): Promise<OrganizationResponse | ApprovalResponse> {
    const { organization, request } = await this.settings.update(caller, id, body);
    return request ?? viewOrganization(organization);
  }

  @Post(':id/suspend')
  @Endpoint({
    id: 'suspendOrganization',
    summary: 'Suspend an organization',
    description:
      'With a master key. None of its keys and members gets anything until it is resumed. The default one can’t be suspended.',
    scope: 'org:write',
    response: OrganizationResponse,
    example: { ...ORGANIZATION_EXAMPLE, name: 'Acme', status: 'suspended' },
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  async suspend(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<OrganizationResponse> {
    return viewOrganization(await this.organizations.setStatus(caller, id, 'suspended'));
  }

  @Post(':id/resume')
  @Endpoint({
    id: 'resumeOrganization',
    summary: 'Resume an organization',
    description: 'With a master key.',
    scope: 'org:write',
    response: OrganizationResponse,
    example: { ...ORGANIZATION_EXAMPLE, name: 'Acme' },
    errors: ['not_found', 'escalation_denied'],
  })
  async resume(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<OrganizationResponse> {
    return viewOrganization(await this.organizations.setStatus(caller, id, 'active'));
  }
}
