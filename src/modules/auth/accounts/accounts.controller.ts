import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { type CallingSession, FromSession } from '../sessions/calling-session.decorator.js';
import { EndSessionsService } from '../sessions/end-sessions.service.js';
import {
  CALLING_USER_EXAMPLE,
  LOG_IN_EXAMPLE,
  ORGANIZATION_SESSION_EXAMPLE,
  SESSION_EXAMPLE,
  SIGN_UP_EXAMPLE,
} from './account.examples.js';
import { viewOrganizationSession, viewSession } from './account.view.js';
import { Browsers } from './browsers.js';
import { LogInDto, SignUpDto } from './dto/account.dto.js';
import {
  CallingUserResponse,
  LoggedOutResponse,
  OrganizationSessionResponse,
  SessionResponse,
} from './dto/account.responses.js';
import { LogInService } from './log-in.service.js';
import { ReadCallingUserService } from './read-calling-user.service.js';
import { SignUpService } from './sign-up.service.js';

@ApiTags('Accounts')
@Controller('v1/auth')
export class AccountsController {
  constructor(
    private readonly signUps: SignUpService,
    private readonly logIns: LogInService,
    private readonly callingUser: ReadCallingUserService,
    private readonly endSessions: EndSessionsService,
    private readonly browsers: Browsers,
  ) {}

  @Post('signup')
  @Endpoint({
    id: 'signUp',
    summary: 'Make an account',
    description:
      'And an organization that it owns. Where nobody may sign up (`LATCHKEY_SIGNUP`), people are invited. The session’s token is answered, and set as a cookie.',
    scope: 'public',
    status: 201,
    requestBody: SignUpDto,
    requestExample: SIGN_UP_EXAMPLE,
    response: OrganizationSessionResponse,
    example: ORGANIZATION_SESSION_EXAMPLE,
    errors: ['operation_not_allowed', 'conflict', 'rate_limit_exceeded', 'service_unavailable'],
  })
  async signUp(
    @Body() body: SignUpDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<OrganizationSessionResponse> {
    const entered = await this.signUps.signUp(body, this.browsers.clientOf(request));
    this.browsers.giveCookie(reply, entered.session);
    return viewOrganizationSession(entered);
  }

  @Post('login')
  @Endpoint({
    id: 'logIn',
    summary: 'Log in',
    description:
      'Begins a session of seven days at most, for one organization. After ten failures in 15 minutes an account can’t be logged in to until they are over; its sessions go on.',
    scope: 'public',
    requestBody: LogInDto,
    requestExample: LOG_IN_EXAMPLE,
    response: SessionResponse,
    example: SESSION_EXAMPLE,
    errors: [
      'invalid_credentials',
      'key_disabled',
      'operation_not_allowed',
      'not_found',
      'rate_limit_exceeded',
      'service_unavailable',
    ],
  })
  async logIn(
    @Body() body: LogInDto,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionResponse> {
    const entered = await this.logIns.logIn(body, this.browsers.clientOf(request));
    this.browsers.giveCookie(reply, entered.session);
    return viewSession(entered);
  }

  @Post('logout')
  @Endpoint({
    id: 'logOut',
    summary: 'Log out',
    description: 'Ends the session that calls, here at once and everywhere within a second.',
    scope: 'authenticated',
    response: LoggedOutResponse,
    example: { logged_out: true },
  })
  async logOut(
    @FromSession() { userId, view }: CallingSession,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<LoggedOutResponse> {
    await this.endSessions.end(userId, view.secretId);
    this.browsers.takeCookie(reply);
    return { logged_out: true };
  }

  @Get('me')
  @Endpoint({
    id: 'getCallingUser',
    summary: 'Get the calling user',
    description: 'Who has logged in, what they may do, and where else they belong.',
    scope: 'authenticated',
    response: CallingUserResponse,
    example: CALLING_USER_EXAMPLE,
  })
  getCalling(@FromSession() caller: CallingSession): Promise<CallingUserResponse> {
    return this.callingUser.read(caller);
  }
}
