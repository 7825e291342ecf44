import { Body, Controller, Delete, Get, Param, Put, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Caller, CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeletedResponse } from '../deleted.response.js';
import { ChangeTeamMemberService } from './change-team-member.service.js';
import { PutTeamMemberDto } from './dto/team.dto.js';
import { TeamMemberListResponse, TeamMemberResponse } from './dto/team.responses.js';
import { ReadTeamsService } from './read-teams.service.js';
import { viewTeamMember } from './team.view.js';
import { TEAM_MEMBER_EXAMPLE } from './teams.examples.js';

@ApiTags('Teams')
@Controller('v1/teams/:id/members')
export class TeamMembersController {
  constructor(
    private readonly readTeams: ReadTeamsService,
    private readonly changeTeamMember: ChangeTeamMemberService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listTeamMembers',
    summary: 'List who is in a team',
    description: 'Who came last first.',
    scope: 'org:read',
    response: TeamMemberListResponse,
    example: { data: [TEAM_MEMBER_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request', 'not_found'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Param('id') id: string,
    @Query() page: PageQuery,
  ): Promise<Page<TeamMemberResponse>> {
    return this.readTeams.listMembers(organizationId, id, page);
  }

  @Put()
  @Endpoint({
    id: 'putTeamMember',
    summary: 'Take somebody into a team, or change what they are in it',
    scope: 'org:write',
    requestBody: PutTeamMemberDto,
    requestExample: {
      user_id: TEAM_MEMBER_EXAMPLE.user_id,
      role: 'developer',
      can_manage_keys: true,
    },
    response: TeamMemberResponse,
    example: TEAM_MEMBER_EXAMPLE,
    errors: ['not_found', 'escalation_denied'],
  })
  async put(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Body() body: PutTeamMemberDto,
  ): Promise<TeamMemberResponse> {
    return viewTeamMember(await this.changeTeamMember.put(caller, id, body));
  }

  @Delete(':user_id')
  @Endpoint({
    id: 'deleteTeamMember',
    summary: 'Take somebody out of a team',
    scope: 'org:write',
    response: DeletedResponse,
    example: { id: TEAM_MEMBER_EXAMPLE.user_id, deleted: true },
    errors: ['not_found', 'escalation_denied'],
  })
  async delete(
    @Caller() caller: Principal,
    @Param('id') id: string,
    @Param('user_id') userId: string,
  ): Promise<DeletedResponse> {
    await this.changeTeamMember.delete(caller, id, userId);
    return { id: userId, deleted: true };
  }
}
