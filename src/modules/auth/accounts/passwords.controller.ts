import { Body, Controller, Post, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';

import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { type CallingSession, FromSession } from '../sessions/calling-session.decorator.js';
import { AccountAttempts } from './account-attempts.js';
import { CHANGE_PASSWORD_EXAMPLE, CONFIRM_RESET_EXAMPLE } from './account.examples.js';
import { Browsers } from './browsers.js';
import { ChangePasswordService } from './change-password.service.js';
import {
  ChangePasswordDto,
  ConfirmPasswordResetDto,
  RequestPasswordResetDto,
} from './dto/account.dto.js';
import {
  PasswordChangedResponse,
  PasswordResetRequestedResponse,
} from './dto/account.responses.js';
import { RequestPasswordResetService } from './request-password-reset.service.js';
import { ResetPasswordService } from './reset-password.service.js';

@ApiTags('Accounts')
@Controller('v1/auth')
export class PasswordsController {
  constructor(
    private readonly changePassword: ChangePasswordService,
    private readonly requestReset: RequestPasswordResetService,
    private readonly resetPassword: ResetPasswordService,
    private readonly attempts: AccountAttempts,
    private readonly browsers: Browsers,
  ) {}

  @Post('password')
  @Endpoint({
    id: 'changePassword',
    summary: 'Change your password',
    description: 'All of your other sessions end.',
    scope: 'authenticated',
    requestBody: ChangePasswordDto,
    requestExample: CHANGE_PASSWORD_EXAMPLE,
    response: PasswordChangedResponse,
    example: { changed: true },
  })
  async change(
    @FromSession() caller: CallingSession,
    @Body() body: ChangePasswordDto,
    @Req() request: FastifyRequest,
  ): Promise<PasswordChangedResponse> {
    await this.changePassword.change(caller, body, this.browsers.clientOf(request).address);
    return { changed: true };
  }

  @Post('password-reset')
  @Endpoint({
    id: 'requestPasswordReset',
    summary: 'Ask for a password reset',
    description:
      'Whoever has this address gets a mail with a token. The answer is the same for an address that nobody has.',
    scope: 'public',
    requestBody: RequestPasswordResetDto,
    requestExample: { email: 'ada@example.com' },
    response: PasswordResetRequestedResponse,
    example: { requested: true },
    errors: ['rate_limit_exceeded', 'service_unavailable'],
  })
  async request(
    @Body() { email }: RequestPasswordResetDto,
    @Req() request: FastifyRequest,
  ): Promise<PasswordResetRequestedResponse> {
    await this.requestReset.request(email, this.browsers.clientOf(request).address);
    return { requested: true };
  }

  @Post('password-reset/confirm')
  @Endpoint({
    id: 'confirmPasswordReset',
    summary: 'Reset your password',
    description: 'By the token of the mail, which is good once, for an hour. All sessions end.',
    scope: 'public',
    requestBody: ConfirmPasswordResetDto,
    requestExample: CONFIRM_RESET_EXAMPLE,
    response: PasswordChangedResponse,
    example: { changed: true },
    errors: ['invalid_credentials', 'rate_limit_exceeded', 'service_unavailable'],
  })
  async confirm(
    @Body() body: ConfirmPasswordResetDto,
    @Req() request: FastifyRequest,
  ): Promise<PasswordChangedResponse> {
    await this.attempts.countCall(this.browsers.clientOf(request).address);
    await this.resetPassword.reset(body);
    return { changed: true };
  }
}
