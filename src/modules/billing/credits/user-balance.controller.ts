import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { UserBalanceResponse } from './dto/credit.responses.js';
import { ReadCreditsService } from './read-credits.service.js';

/** Clients of the Management API differ in whether their base URL ends in `/v1`. */
const PREFIXES = ['manage', 'v1/manage'];

@ApiTags('Management API')
@Controller(PREFIXES.map((prefix) => `${prefix}/users`))
export class UserBalanceController {
  constructor(private readonly readCredits: ReadCreditsService) {}

  @Get('balance')
  @Endpoint({
    id: 'getUserBalance',
    summary: 'Get the balance',
    description: 'What the organization can spend.',
    scope: 'billing:read',
    response: UserBalanceResponse,
    example: { current_balance: 29.25, currency: 'USD' },
  })
  get(@Caller() caller: Principal): Promise<UserBalanceResponse> {
    return this.readCredits.userBalance(caller);
  }
}
