import { Injectable } from '@nestjs/common';

import { usdNumber } from '#common/money/money.js';
import { Clock } from '#common/time/clock.js';
import { assertReachesAll, type KeyView } from '#modules/keys/index.js';
import { UsageReports } from '#modules/usage/index.js';

import { viewCurrentModels, viewTokens } from './analytics.view.js';
import { DAY_MS, HOUR_MS, MINUTE_MS } from './domain/calendar.js';
import type { CurrentGranularity, CurrentUsageQuery } from './dto/analytics.query.js';
import type { CurrentUsageResponse } from './dto/analytics.responses.js';

const LENGTH_MS: Readonly<Record<CurrentGranularity, number>> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: DAY_MS,
};

@Injectable()
export class ReadCurrentUsageService {
  constructor(
    private readonly reports: UsageReports,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `operation_not_allowed` for who does not reach every key */
  async read(caller: KeyView, query: CurrentUsageQuery): Promise<CurrentUsageResponse> {
    assertReachesAll(caller, 'Ask for one key: GET /v1/keys/{id}/analytics.');
    const { organizationId } = caller;
    const lengthMs = LENGTH_MS[query.granularity ?? 'hour'];
    const now = this.clock.now();
    const startMs = now - (now % lengthMs);
    const boundariesMs = [startMs, startMs + lengthMs];
    const [{ total, models }, activeKeys] = await Promise.all([
      this.reports.report({ organizationId, keyId: null, boundariesMs, groupBy: null }),
      this.reports.countActiveKeys(organizationId, startMs, startMs + lengthMs),
    ]);
    return {
      requests: total.requests,
      tokens: { total: viewTokens(total).total },
      cost: usdNumber(total.costNanos),
      active_users: activeKeys,
      ...(query.include_breakdown === 'true' && {
        breakdown: { by_model: viewCurrentModels(models) },
      }),
    };
  }
}
