import { Body, Controller, Param, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { presentedSession } from '../sessions/presented-session.js';
import { AcceptInvitationService } from './accept-invitation.service.js';
import { ACCEPT_EXAMPLE, ORGANIZATION_SESSION_EXAMPLE } from './account.examples.js';
import { viewOrganizationSession } from './account.view.js';
import { Browsers } from './browsers.js';
import { AcceptInvitationDto } from './dto/account.dto.js';
import { OrganizationSessionResponse } from './dto/account.responses.js';

@ApiTags('Accounts')
@Controller('v1/invitations')
export class AcceptInvitationController {
  constructor(
    private readonly acceptInvitation: AcceptInvitationService,
    private readonly browsers: Browsers,
  ) {}

  @Post(':token/accept')
  @Endpoint({
    id: 'acceptInvitation',
    summary: 'Accept an invitation',
    description:
      'With a session of the account that was invited, with its password, or, where there is no such account, with the name and password of a new one.',
    scope: 'public',
    requestBody: AcceptInvitationDto,
    isBodyOptional: true,
    requestExample: ACCEPT_EXAMPLE,
    response: OrganizationSessionResponse,
    example: ORGANIZATION_SESSION_EXAMPLE,
    errors: [
      'invalid_credentials',
      'key_disabled',
      'operation_not_allowed',
      'not_found',
      'conflict',
      'rate_limit_exceeded',
      'service_unavailable',
    ],
  })
  async accept(
    @Param('token') token: string,
    @Body() body: AcceptInvitationDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationSessionResponse> {
    const client = this.browsers.clientOf(request);
    const session = presentedSession(request.raw);
    const entered = await this.acceptInvitation.accept(token, body, client, session);
    this.browsers.giveCookie(reply, entered.session);
    return viewOrganizationSession(entered);
  }
}
