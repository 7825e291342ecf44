import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Caller, CallerOrganization } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { DeletedResponse } from '../deleted.response.js';
import { ChangeInvitationService } from './change-invitation.service.js';
import { CreateInvitationDto } from './dto/invitation.dto.js';
import {
  InvitationListResponse,
  InvitationResponse,
  InvitationWithTokenResponse,
} from './dto/invitation.responses.js';
import { viewWithToken } from './invitation.view.js';
import { ReadInvitationsService } from './read-invitations.service.js';

const INVITATION_EXAMPLE = {
  id: 'inv_4fTqV0mZx1sLwq8nE2bYcA',
  email: 'ada@example.com',
  role: 'developer',
  status: 'pending',
  invited_by: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  created_at: '2026-11-27T09:00:00.000Z',
  expires_at: '2026-12-04T09:00:00.000Z',
};

@ApiTags('Invitations')
@Controller('v1/invitations')
export class InvitationsController {
  constructor(
    private readonly readInvitations: ReadInvitationsService,
    private readonly changeInvitation: ChangeInvitationService,
  ) {}

  @Get()
  @Endpoint({
    id: 'listInvitations',
    summary: 'List invitations',
    description: 'Newest first, those that nobody has accepted.',
    scope: 'org:read',
    response: InvitationListResponse,
    example: { data: [INVITATION_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(
    @CallerOrganization() organizationId: string,
    @Query() page: PageQuery,
  ): Promise<Page<InvitationResponse>> {
    return this.readInvitations.list(organizationId, page);
  }

  @Post()
  @Endpoint({
    id: 'createInvitation',
    summary: 'Invite somebody',
    description:
      'For 7 days, to a role that lies within what the caller has. It replaces an earlier one to the same address. The token is shown this once.',
    scope: 'org:write',
    status: 201,
    requestBody: CreateInvitationDto,
    requestExample: { email: 'ada@example.com', role: 'developer' },
    response: InvitationWithTokenResponse,
    example: { ...INVITATION_EXAMPLE, token: 'lki_EXAMPLE' },
    errors: ['not_found', 'conflict', 'escalation_denied'],
    idempotent: { secretFields: ['token'] },
  })
  async create(
    @Caller() caller: Principal,
    @Body() body: CreateInvitationDto,
  ): Promise<InvitationWithTokenResponse> {
    return viewWithToken(await this.changeInvitation.create(caller, body));
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteInvitation',
    summary: 'Take an invitation back',
    description: 'One that nobody has accepted.',
    scope: 'org:write',
    response: DeletedResponse,
    example: { id: INVITATION_EXAMPLE.id, deleted: true },
    errors: ['not_found', 'escalation_denied'],
  })
  async delete(@Caller() caller: Principal, @Param('id') id: string): Promise<DeletedResponse> {
    await this.changeInvitation.delete(caller, id);
    return { id, deleted: true };
  }
}
