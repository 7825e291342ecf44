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
import { type LatencySketch, quantileOf } from './latency-sketch.js';
import { type ReportRow, UsageReportsRepository } from './usage-reports.repository.js';

/** How long a reader waits for its own writes. */
const FLUSH_MS = 1_000;
const DAY_MS = 86_400_000;
const ROWS_AT_ONCE = 32;
/** Counts of latencies by their sketch's bucket. */
type LatencyCounts = ReadonlyMap<number, number>;
type Point = {
  readonly figures: UsageFigures;
  readonly refused: number;
  readonly latencies: LatencyCounts;
};
const EMPTY_POINT: Point = { figures: sumUsage([]), refused: 0, latencies: new Map() };

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
    const boundariesMs = toEndOfToday(question.boundariesMs, this.clock.now());
    const rows = await this.reports.read({ ...question, boundariesMs });
    const points = question.boundariesMs.slice(1).map(() => EMPTY_POINT);
    for (const [index, row] of rows.entries()) {
      if (row.kind === 'point') points[Number(row.name) - 1] = pointOf(row);
      // A long series has a million numbers; calls must not wait for all of them.
      if (index % ROWS_AT_ONCE === 0) await setImmediate();
    }
    return {
      total: timedUsage(sumOf(points)),
      points: points.map(timedUsage),
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
 * What reaches up to now may as well reach to the end of the day, since nothing is to come: one roll-up by day is read instead
 * of many by hour and minute.
 */
function toEndOfToday(boundariesMs: readonly number[], nowMs: number): number[] {
  const endMs = boundariesMs.at(-1) ?? 0;
  const isOpen = endMs > nowMs;
  return [...boundariesMs.slice(0, -1), isOpen ? Math.ceil(endMs / DAY_MS) * DAY_MS : endMs];
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

/** The driver's own parser of arrays takes several times as long. */
function numbersOf(arrays: string | null): number[] {
  return arrays === null ? [] : (JSON.parse(`[${arrays.replace(/[{}]/g, '')}]`) as number[]);
}

function pointOf(row: ReportRow): Point {
  const counts = numbersOf(row.counts);
  const latencies = new Map<number, number>();
  for (const [at, bucket] of numbersOf(row.buckets).entries()) {
    latencies.set(bucket, (latencies.get(bucket) ?? 0) + (counts[at] ?? 0));
  }
  return { figures: figuresOf(row), refused: Number(row.refused), latencies };
}

function timedUsage({ figures, refused, latencies }: Point): TimedUsage {
  const sketch = sketchOf(latencies);
  const quantile = (share: number): number => quantileOf(sketch, share) ?? 0;
  return {
    ...figures,
    refused,
    p50Ms: quantile(0.5),
    p95Ms: quantile(0.95),
    p99Ms: quantile(0.99),
  };
}

function sketchOf(latencies: LatencyCounts): LatencySketch {
  const sorted = [...latencies].sort(([a], [b]) => a - b);
  return { buckets: sorted.map(([bucket]) => bucket), counts: sorted.map(([, count]) => count) };
}

function namedUsage(rows: readonly ReportRow[], kind: ReportRow['kind']): NamedUsage[] {
  return rows
    .filter((row) => row.kind === kind)
    .map((row) => ({ name: row.name, ...figuresOf(row) }));
}

function sumOf(points: readonly Point[]): Point {
  const latencies = new Map<number, number>();
  for (const point of points) {
    for (const [bucket, count] of point.latencies) {
      latencies.set(bucket, (latencies.get(bucket) ?? 0) + count);
    }
  }
  const figures = sumUsage(points.map((point) => point.figures));
  const refused = points.reduce((sum, point) => sum + point.refused, 0);
  return { figures, refused, latencies };
}
