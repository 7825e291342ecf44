import { Body, Controller, Delete, Get, Param, Patch, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Caller, CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeletedResponse } from '../deleted.response.js';
import { ChangeMemberService } from './change-member.service.js';
import { UpdateMemberDto } from './dto/member.dto.js';
import { MemberListResponse, MemberResponse } from './dto/member.responses.js';
import { viewMember } from './member.view.js';
import { MEMBER_EXAMPLE } from './members.examples.js';
import { ReadMembersService } from './read-members.service.js';

@ApiTags('Members')
@Controller('v1/members')
export class MembersController {
  constructor(
    private readonly readMembers: ReadMembersService,
    private readonly changeMember: ChangeMemberService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listMembers',
    summary: 'List the people of the organization',
    description: 'Who came last first.',
    scope: 'org:read',
    response: MemberListResponse,
    example: { data: [MEMBER_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() page: PageQuery,
  ): Promise<Page<MemberResponse>> {
    return this.readMembers.list(organizationId, page);
  }

  @Get(':id')
  @Endpoint({
    id: 'getMember',
    summary: 'Get somebody of the organization',
    scope: 'org:read',
    response: MemberResponse,
    example: MEMBER_EXAMPLE,
    errors: ['not_found'],
  })
  async get(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
  ): Promise<MemberResponse> {
    return viewMember(await this.readMembers.get(organizationId, id));
  }

  @Patch(':id')
  @Endpoint({
    id: 'updateMember',
    summary: 'Give somebody another role',
    description:
      'Both roles lie within what the caller has. Owners are made and changed by owners and master keys alone; the last one stays.',
    scope: 'org:write',
    requestBody: UpdateMemberDto,
    requestExample: { role: 'admin' },
    response: MemberResponse,
    example: { ...MEMBER_EXAMPLE, role: 'admin' },
    errors: ['not_found', 'conflict', 'escalation_denied'],
  })
  async update(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: UpdateMemberDto,
  ): Promise<MemberResponse> {
    return viewMember(await this.changeMember.setRole(caller, id, body.role));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteMember',
    summary: 'Take somebody out of the organization',
    description:
      'And of its teams. Their account stays. It takes `org:write`; with a session anybody may leave by themselves, but for the last owner.',
    scope: 'authenticated',
    response: DeletedResponse,
    example: { id: MEMBER_EXAMPLE.id, deleted: true },
    errors: ['insufficient_scope', 'not_found', 'conflict', 'escalation_denied'],
  })
  async delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedResponse> {
    await this.changeMember.remove(caller, id);
    return { id, deleted: true };
  }
}
