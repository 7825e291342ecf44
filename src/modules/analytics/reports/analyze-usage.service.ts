import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { TimeZone } from '#common/time/time-zone.js';
import { isGiven } from '#common/validation/given.js';
import { assertReachesAll, KeyAttributesReader } from '#modules/keys/index.js';
import { UsageReports } from '#modules/usage/index.js';

import { type AskedReport, viewReport } from './analytics.view.js';
import { readGrouping } from './domain/grouping.js';
import { invalid, readPeriod } from './domain/period.js';
import { defaultGranularity, seriesBoundaries } from './domain/series.js';
import type { AnalyticsQuery } from './dto/analytics.query.js';
import type { AnalyticsResponse } from './dto/analytics.responses.js';
import { GroupUsageService, readBy, type Subject } from './group-usage.service.js';

@Injectable()
export class AnalyzeUsageService {
  constructor(
    private readonly reports: UsageReports,
    private readonly keys: KeyAttributesReader,
    private readonly grouping: GroupUsageService,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `not_found`, also for another organization's key; `operation_not_allowed`; `invalid_request` that names the parameter */
  async analyze(subject: Subject, query: AnalyticsQuery): Promise<AnalyticsResponse> {
    const asked = understand(query, this.clock.now());
    const grouping = isGiven(query.group_by) ? readGrouping(query.group_by) : null;
    await this.#assertReached(subject);
    const report = await this.reports.report({
      organizationId: subject.caller.organizationId,
      keyId: subject.keyId,
      boundariesMs: asked.boundariesMs,
      groupBy: grouping && readBy(grouping, subject),
    });
    const groups = grouping && (await this.grouping.group(grouping, subject, report));
    return viewReport(asked, report, groups);
  }

  async #assertReached({ caller, keyId }: Subject): Promise<void> {
    if (keyId === null) {
      assertReachesAll(caller, 'Ask for one key: GET /v1/keys/{id}/analytics.');
      return;
    }
    const found = await this.keys.of(caller, [keyId], null);
    if (!found.has(keyId)) {
      throw new AppError('not_found', { message: `There is no key ${keyId}.` });
    }
  }
}

function understand(query: AnalyticsQuery, nowMs: number): AskedReport {
  const name = query.time_zone ?? 'UTC';
  const zone = TimeZone.named(name);
  if (!zone) throw invalid('time_zone', 'There is no such time zone. Give an IANA name.');
  const period = readPeriod(query, zone, nowMs);
  const granularity = query.granularity ?? defaultGranularity(period);
  const boundariesMs = seriesBoundaries(period, granularity, zone, nowMs);
  return { boundariesMs, granularity, timeZone: name };
}
