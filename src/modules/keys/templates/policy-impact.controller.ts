import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../calling-key.decorator.js';
import type { KeyView } from '../domain/key-view.js';
import { ChangePolicyDto } from './dto/policy-template.dto.js';
import {
  InheritingKeyListResponse,
  InheritingKeyResponse,
  KeyImpactListResponse,
  KeyImpactResponse,
} from './dto/policy-template.responses.js';
import {
  IMPACT_EXAMPLE,
  INHERITING_KEY_EXAMPLE,
  TEMPLATE_CHANGE_EXAMPLE,
} from './policy-templates.examples.js';
import { TemplateImpactService } from './template-impact.service.js';

@ApiTags('Policies')
@Controller('v1/policies/:id/impact')
export class PolicyImpactController {
  constructor(private readonly impact: TemplateImpactService) {}

  @Get()
  @Endpoint({
    id: 'listPolicyKeys',
    summary: 'List the keys that inherit from a policy',
    description:
      'Directly or by way of other policies, newest first, without those that are revoked.',
    scope: 'keys:read',
    response: InheritingKeyListResponse,
    example: { data: [INHERITING_KEY_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['not_found', 'invalid_request'],
  })
  list(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Query() page: PageQuery,
  ): Promise<Page<InheritingKeyResponse>> {
    return this.impact.list(caller, id, page);
  }

  @Post()
  @Endpoint({
    id: 'foreseePolicyChange',
    summary: 'See what a change of a policy would do',
    description:
      'Takes what `PATCH /v1/policies/{id}` takes and writes nothing: says of each key that inherits which fields would be wider, narrower, or other.',
    scope: 'keys:read',
    requestBody: ChangePolicyDto,
    requestExample: TEMPLATE_CHANGE_EXAMPLE,
    response: KeyImpactListResponse,
    example: { data: [IMPACT_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['not_found', 'conflict', 'invalid_request'],
  })
  foresee(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: ChangePolicyDto,
    @Query() page: PageQuery,
  ): Promise<Page<KeyImpactResponse>> {
    return this.impact.foresee(caller, id, body, page);
  }
}
