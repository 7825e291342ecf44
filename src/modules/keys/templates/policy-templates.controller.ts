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

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';
import { MayWaitForApproval } from '#platform/http/approvals/may-wait.interceptor.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';
import { VersionTagInterceptor } from '#platform/http/version-tag.interceptor.js';

import { CallingKey } from '../calling-key.decorator.js';
import type { KeyView } from '../domain/key-view.js';
import { ChangeTemplateService } from './change-template.service.js';
import { ChangePolicyDto, CreatePolicyDto } from './dto/policy-template.dto.js';
import {
  ChangedPolicyResponse,
  DeletedPolicyResponse,
  EffectivePolicyResponse,
  PolicyListResponse,
  PolicyResponse,
  PolicyVersionListResponse,
  PolicyVersionResponse,
} from './dto/policy-template.responses.js';
import {
  EFFECTIVE_TEMPLATE_EXAMPLE,
  NEW_TEMPLATE_EXAMPLE,
  TEMPLATE_CHANGE_EXAMPLE,
  TEMPLATE_EXAMPLE,
  TEMPLATE_VERSION_EXAMPLE,
} from './policy-templates.examples.js';
import { viewPolicy } from './policy-template.view.js';
import { ReadTemplatesService } from './read-templates.service.js';
import { WriteTemplateService } from './write-template.service.js';

const IF_MATCH = {
  name: 'if-match',
  required: false,
  description: 'The `ETag` of the policy you read.',
};

@ApiTags('Policies')
@Controller('v1/policies')
@UseInterceptors(VersionTagInterceptor)
export class PolicyTemplatesController {
  constructor(
    private readonly writeTemplate: WriteTemplateService,
    private readonly changeTemplate: ChangeTemplateService,
    private readonly readTemplates: ReadTemplatesService,
  ) {}

  @Post()
  @Endpoint({
    id: 'createPolicy',
    summary: 'Create a policy',
    description:
      'A template that keys are made from (`permissions.inherit_from`) and that other policies are built upon. It can’t allow more than the key that makes it has.',
    scope: 'keys:write',
    status: 201,
    requestBody: CreatePolicyDto,
    requestExample: NEW_TEMPLATE_EXAMPLE,
    response: PolicyResponse,
    example: TEMPLATE_EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  async create(
    @CallingKey() caller: KeyView,
    @Body() body: CreatePolicyDto,
  ): Promise<PolicyResponse> {
    return viewPolicy(await this.writeTemplate.create(caller, body));
  }

  @Get()
  @Endpoint({
    id: 'listPolicies',
    summary: 'List policies',
    description: 'Newest first.',
    scope: 'keys:read',
    response: PolicyListResponse,
    example: { data: [TEMPLATE_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(@CallingKey() caller: KeyView, @Query() page: PageQuery): Promise<Page<PolicyResponse>> {
    return this.readTemplates.list(caller.organizationId, page);
  }

  @Get(':id')
  @Endpoint({
    id: 'getPolicy',
    summary: 'Get a policy',
    scope: 'keys:read',
    response: PolicyResponse,
    example: TEMPLATE_EXAMPLE,
    errors: ['not_found'],
  })
  get(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<PolicyResponse> {
    return this.readTemplates.get(caller.organizationId, id);
  }

  @Patch(':id')
  @Endpoint({
    id: 'updatePolicy',
    summary: 'Change a policy',
    description:
      'Each part that is given replaces that part as a whole, and `null` takes it away. With it changes, in one go, what every key may do that inherits from it, directly or not: within what whoever made the key could grant. A key that must sign from then on needs `POST /v1/keys/{id}/signing-secret`. Where it gives more to a key that needs approval, all of it waits for somebody’s.',
    scope: 'keys:write',
    requestBody: ChangePolicyDto,
    requestExample: TEMPLATE_CHANGE_EXAMPLE,
    response: ChangedPolicyResponse,
    example: { ...TEMPLATE_EXAMPLE, ...TEMPLATE_CHANGE_EXAMPLE, version: 2, changed_keys: 12 },
    errors: [
      'not_found',
      'conflict',
      'precondition_failed',
      'escalation_denied',
      'invalid_request',
    ],
  })
  @MayWaitForApproval()
  @ApiHeader(IF_MATCH)
  async update(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: ChangePolicyDto,
    @Headers('if-match') ifMatch?: string,
  ): Promise<ChangedPolicyResponse | ApprovalResponse> {
    const changed = await this.changeTemplate.change(caller, id, body, ifMatch ?? null);
    return (
      changed.request ?? { ...viewPolicy(changed.template), changed_keys: changed.changedKeys }
    );
  }

  @Delete(':id')
  @Endpoint({
    id: 'deletePolicy',
    summary: 'Delete a policy',
    description: 'One from which nothing inherits; else it is a 409 that says how much does.',
    scope: 'keys:write',
    response: DeletedPolicyResponse,
    example: { id: TEMPLATE_EXAMPLE.id, deleted: true },
    errors: ['not_found', 'conflict', 'precondition_failed', 'escalation_denied'],
  })
  @ApiHeader(IF_MATCH)
  async delete(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Headers('if-match') ifMatch?: string,
  ): Promise<DeletedPolicyResponse> {
    await this.writeTemplate.delete(caller, id, ifMatch ?? null);
    return { id, deleted: true };
  }

  @Get(':id/versions')
  @Endpoint({
    id: 'listPolicyVersions',
    summary: 'List what a policy has been',
    description: 'Newest first, the present one included.',
    scope: 'keys:read',
    response: PolicyVersionListResponse,
    example: { data: [TEMPLATE_VERSION_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['not_found', 'invalid_request'],
  })
  listVersions(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Query() page: PageQuery,
  ): Promise<Page<PolicyVersionResponse>> {
    return this.readTemplates.listVersions(caller.organizationId, id, page);
  }

  @Get(':id/effective')
  @Endpoint({
    id: 'getEffectivePolicy',
    summary: 'Get what a policy says together with those it is built upon',
    scope: 'keys:read',
    response: EffectivePolicyResponse,
    example: EFFECTIVE_TEMPLATE_EXAMPLE,
    errors: ['not_found'],
  })
  getEffective(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
  ): Promise<EffectivePolicyResponse> {
    return this.readTemplates.getEffective(caller.organizationId, id);
  }
}
