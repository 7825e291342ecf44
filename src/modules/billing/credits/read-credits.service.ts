import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { scopeMask } from '#common/auth/scopes.js';
import { usdNumber } from '#common/money/money.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { type UsageFigures, UsageReports } from '#modules/usage/index.js';

import { CreditGrantRepository } from './credit-grant.repository.js';
import { viewGrant } from './credit-grant.view.js';
import { CreditReach } from './credit-reach.service.js';
import type { ListGrantsQuery } from './dto/credit.dto.js';
import type {
  CreditBalanceResponse,
  CreditGrantResponse,
  CreditUsage,
  UserBalanceResponse,
} from './dto/credit.responses.js';

const CURRENCY = 'USD';
const USAGE_READ = scopeMask(['usage:read']);

@Injectable()
export class ReadCreditsService {
  constructor(
    private readonly grants: CreditGrantRepository,
    private readonly reach: CreditReach,
    private readonly usage: UsageReports,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `not_found`, `invalid_request` */
  async list(caller: Principal, query: ListGrantsQuery): Promise<Page<CreditGrantResponse>> {
    const organizationId = await this.reach.organizationOf(caller, query.organization_id ?? null);
    const after = decodeCursor(query.cursor);
    const rows = await this.grants.page(organizationId, after, query.limit);
    return toPage(rows, query.limit, viewGrant);
  }

  async userBalance({ organizationId }: Principal): Promise<UserBalanceResponse> {
    return { current_balance: await this.#balance(organizationId), currency: CURRENCY };
  }

  /** A key that may not read usage, or that is a team's, is told the balance alone. */
  async creditBalance(caller: Principal): Promise<CreditBalanceResponse> {
    const { organizationId, scopeMask: scopes, teamId } = caller;
    const credits = await this.#balance(organizationId);
    const own = { object: 'credit_balance', balance: { credits, currency: CURRENCY } } as const;
    if ((scopes & USAGE_READ) === 0 || teamId !== null) return own;
    const now = new Date(this.clock.now());
    const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
    return {
      ...own,
      usage: {
        daily: await this.#usage(organizationId, [
          Date.UTC(year, month, day),
          Date.UTC(year, month, day + 1),
        ]),
        monthly: await this.#usage(organizationId, [
          Date.UTC(year, month),
          Date.UTC(year, month + 1),
        ]),
      },
      limits: {
        rate_limit: { requests_per_minute: null, tokens_per_minute: null },
        daily_limit: { credits: null, remaining: null },
      },
      billing: {
        plan: 'prepaid',
        auto_recharge: { enabled: false, threshold: null, amount: null },
        next_billing_date: null,
      },
    };
  }

  async #balance(organizationId: string): Promise<number> {
    return usdNumber(await this.grants.balanceOf(organizationId, new Date(this.clock.now())));
  }

  async #usage(organizationId: string, boundariesMs: readonly number[]): Promise<CreditUsage> {
    const question = { organizationId, keyId: null, boundariesMs, groupBy: null };
    return viewUsage((await this.usage.report(question)).total);
  }
}

function viewUsage({ costNanos, requests, inputTokens, outputTokens }: UsageFigures): CreditUsage {
  return {
    credits_used: usdNumber(costNanos),
    requests,
    tokens: { prompt: inputTokens, completion: outputTokens, total: inputTokens + outputTokens },
  };
}
