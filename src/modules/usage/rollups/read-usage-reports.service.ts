import { Injectable } from '@nestjs/common';
import { setImmediate } from 'node:timers/promises';

import { Clock } from '#common/time/clock.js';

import { UsageShipper } from '../usage-shipper.service.js';
import {
  type NamedUsage,
  sumUsage,
  type TimedUsage,
  type UsageFigures,
  type UsageQuestion,
  type UsageReport,
  UsageReports,
} from '../usage-reports.port.js';
import { endOfBucket } from './decompose-range.js';
import { LatencySketch, readSketch } from './latency-sketch.js';
import { type ReportRow, UsageReportsRepository } from './usage-reports.repository.js';

/** How long a reader waits for its own writes. */
const FLUSH_MS = 1_000;
const ROWS_AT_ONCE = 32;
type Quantiles = Pick<TimedUsage, 'p50Ms' | 'p95Ms' | 'p99Ms'>;
const EMPTY_POINT: TimedUsage = {
  ...sumUsage([]),
  refused: 0,
  ...quantilesOf(new LatencySketch()),
};

@Injectable()
export class ReadUsageReportsService extends UsageReports {
  constructor(
    private readonly shipper: UsageShipper,
    private readonly reports: UsageReportsRepository,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async report(question: UsageQuestion): Promise<UsageReport> {
    await this.shipper.flush(FLUSH_MS);
    const boundariesMs = toEndOfWeek(question.boundariesMs, this.clock.now());
    const rows = await this.reports.read({ ...question, boundariesMs });
    return {
      ...(await readPoints(rows, question.boundariesMs.length - 1)),
      models: namedUsage(rows, 'model'),
      featureSets: namedUsage(rows, 'features'),
      groups: namedUsage(rows, 'group'),
    };
  }

  override async countActiveKeys(
    organizationId: string,
    fromMs: number,
    toMs: number,
  ): Promise<number> {
    await this.shipper.flush(FLUSH_MS);
    return this.reports.countActiveKeys(organizationId, fromMs, toMs);
  }
}

/**
 * What reaches up to now may as well reach to the end of the week, since nothing is to come: one roll-up by day or week is read
 * instead of many by hour and minute.
 */
function toEndOfWeek(boundariesMs: readonly number[], nowMs: number): number[] {
  const endMs = boundariesMs.at(-1) ?? 0;
  return [...boundariesMs.slice(0, -1), endMs > nowMs ? endOfBucket('week', endMs) : endMs];
}

async function readPoints(
  rows: readonly ReportRow[],
  count: number,
): Promise<Pick<UsageReport, 'total' | 'points'>> {
  const points = Array.from({ length: count }, () => EMPTY_POINT);
  const latencies = new LatencySketch();
  const rowsOfPoints = rows.filter(({ kind }) => kind === 'point');
  for (const [index, row] of rowsOfPoints.entries()) {
    const point = readSketch(row.latencies);
    points[Number(row.name) - 1] = {
      ...figuresOf(row),
      refused: Number(row.refused),
      ...quantilesOf(point),
    };
    latencies.addAll(point);
    // A long series has a million numbers; calls must not wait for all of them.
    if (index % ROWS_AT_ONCE === 0) await setImmediate();
  }
  const refused = points.reduce((sum, point) => sum + point.refused, 0);
  return { total: { ...sumUsage(points), refused, ...quantilesOf(latencies) }, points };
}

function figuresOf(row: ReportRow): UsageFigures {
  return {
    requests: Number(row.requests),
    errors: Number(row.errors),
    inputTokens: Number(row.input_tokens),
    cachedInputTokens: Number(row.cached_input_tokens),
    outputTokens: Number(row.output_tokens),
    reasoningTokens: Number(row.reasoning_tokens),
    costNanos: BigInt(row.cost_nanos),
    latencyMs: Number(row.latency_ms),
  };
}

function quantilesOf(latencies: LatencySketch): Quantiles {
  const [p50Ms, p95Ms, p99Ms] = latencies.quantiles([0.5, 0.95, 0.99]);
  return { p50Ms, p95Ms, p99Ms };
}

function namedUsage(rows: readonly ReportRow[], kind: ReportRow['kind']): NamedUsage[] {
  return rows
    .filter((row) => row.kind === kind)
    .map((row) => ({ name: row.name, ...figuresOf(row) }));
}
