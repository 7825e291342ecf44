import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import { usdNumber } from '#common/money/money.js';
import type { Page } from '#common/pagination/cursor.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { viewGrant } from './credit-grant.view.js';
import { CREDIT_BALANCE_EXAMPLE, GRANT_EXAMPLE } from './credits.examples.js';
import { CreateGrantDto, ListGrantsQuery } from './dto/credit.dto.js';
import {
  CreditBalanceResponse,
  CreditGrantListResponse,
  type CreditGrantResponse,
  GrantedCreditResponse,
} from './dto/credit.responses.js';
import { GrantCreditService } from './grant-credit.service.js';
import { ReadCreditsService } from './read-credits.service.js';

@ApiTags('Credits')
@Controller('v1/credits')
export class CreditsController {
  constructor(
    private readonly grantCredit: GrantCreditService,
    private readonly readCredits: ReadCreditsService,
  ) {}

  @Get()
  @Endpoint({
    id: 'getCredits',
    summary: 'Get the credit balance',
    description:
      'What the organization can spend, and what it used today and this month (UTC). A key that may not read usage, or is a team’s, gets `object` and `balance`.',
    scope: 'billing:read',
    response: CreditBalanceResponse,
    example: CREDIT_BALANCE_EXAMPLE,
  })
  get(@Caller() caller: Principal): Promise<CreditBalanceResponse> {
    return this.readCredits.creditBalance(caller);
  }

  @Post('grants')
  @Endpoint({
    id: 'createCreditGrant',
    summary: 'Grant credit',
    description:
      'With a master key. What the organization owes is paid from it first. Credit is spent soonest expiry first, then the oldest.',
    scope: 'billing:write',
    status: 201,
    requestBody: CreateGrantDto,
    requestExample: { amount: '25.00', reason: 'Invoice 2026-118 paid' },
    response: GrantedCreditResponse,
    example: { ...GRANT_EXAMPLE, balance: 30 },
    errors: ['not_found', 'conflict', 'escalation_denied'],
    idempotent: { secretFields: [] },
  })
  async grant(
    @Caller() caller: Principal,
    @Body() body: CreateGrantDto,
  ): Promise<GrantedCreditResponse> {
    const { grant, balanceNanos } = await this.grantCredit.grant(caller, body);
    return { ...viewGrant(grant), balance: usdNumber(balanceNanos) };
  }

  @Get('grants')
  @Endpoint({
    id: 'listCreditGrants',
    summary: 'List credit grants',
    description: 'Newest first.',
    scope: 'billing:read',
    response: CreditGrantListResponse,
    example: { data: [GRANT_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request', 'not_found'],
  })
  list(
    @Caller() caller: Principal,
    @Query() query: ListGrantsQuery,
  ): Promise<Page<CreditGrantResponse>> {
    return this.readCredits.list(caller, query);
  }
}
