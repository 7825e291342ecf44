import { usdNumber } from '#common/money/money.js';
import { featuresOf } from '#modules/keys/index.js';
import type { NamedUsage, TimedUsage, UsageFigures, UsageReport } from '#modules/usage/index.js';

import type { Granularity } from './domain/calendar.js';
import { groupUsage, type RankedUsage } from './domain/usage-groups.js';
import type {
  AnalyticsResponse,
  CurrentModelResponse,
  FeatureUsageResponse,
  LatencyResponse,
  ModelUsageResponse,
  SeriesPointResponse,
  TokensResponse,
  UsageGroupResponse,
} from './dto/analytics.responses.js';

const OTHER = 'other';

/** What was asked, as it was understood. */
export type AskedReport = {
  readonly boundariesMs: readonly number[];
  readonly granularity: Granularity;
  readonly timeZone: string;
};

/** Groups, and what those are called that have a name besides. */
export type LabelledGroups = {
  readonly ranked: RankedUsage;
  readonly labels: ReadonlyMap<string, string>;
};

export function viewReport(
  asked: AskedReport,
  report: UsageReport,
  grouped: LabelledGroups | null,
): AnalyticsResponse {
  const { total } = report;
  const boundaries = asked.boundariesMs.map((ms) => new Date(ms).toISOString());
  return {
    period: {
      start: boundaries[0] ?? '',
      end: boundaries.at(-1) ?? '',
      time_zone: asked.timeZone,
      granularity: asked.granularity,
    },
    total_requests: total.requests,
    total_cost: usdNumber(total.costNanos),
    avg_latency_ms: averageLatency(total),
    error_rate: share(total.errors * 100, total.requests),
    refused_requests: total.refused,
    tokens: viewTokens(total),
    latency_ms: viewLatency(total),
    models: viewModels(report.models),
    features: viewFeatures(report.featureSets),
    series: report.points.map((point, index) => viewPoint(boundaries, index, point)),
    ...(grouped && { groups: viewGroups(grouped) }),
  };
}

export function viewCurrentModels(models: readonly NamedUsage[]): CurrentModelResponse[] {
  return namedGroups(groupUsage(models, (name) => [name])).map(({ name, figures }) => ({
    name,
    requests: figures.requests,
    tokens: viewTokens(figures).total,
    cost: usdNumber(figures.costNanos),
    avg_latency_ms: averageLatency(figures),
  }));
}

function viewModels(models: readonly NamedUsage[]): ModelUsageResponse[] {
  return namedGroups(groupUsage(models, (name) => [name])).map(({ name, figures }) => ({
    name,
    requests: figures.requests,
    cost: usdNumber(figures.costNanos),
  }));
}

function viewFeatures(featureSets: readonly NamedUsage[]): FeatureUsageResponse[] {
  const { groups } = groupUsage(featureSets, (mask) => featuresOf(Number(mask)));
  return namedGroups({ groups, other: null })
    .map(({ name, figures }) => ({ name, usage_count: figures.requests }))
    .sort((a, b) => b.usage_count - a.usage_count);
}

function namedGroups({ groups, other }: RankedUsage): { name: string; figures: UsageFigures }[] {
  return [
    ...groups.map(({ key, figures }) => ({ name: key ?? '', figures })),
    ...(other ? [{ name: OTHER, figures: other }] : []),
  ];
}

function viewGroups({ ranked, labels }: LabelledGroups): UsageGroupResponse[] {
  return [
    ...ranked.groups.map(({ key, figures }) => ({
      name: key,
      label: key === null ? null : (labels.get(key) ?? null),
      is_other: false,
      ...viewSums(figures),
    })),
    ...(ranked.other
      ? [{ name: OTHER, label: null, is_other: true, ...viewSums(ranked.other) }]
      : []),
  ];
}

function viewPoint(
  boundaries: readonly string[],
  index: number,
  point: TimedUsage,
): SeriesPointResponse {
  return {
    start: boundaries[index] ?? '',
    end: boundaries[index + 1] ?? '',
    ...viewSums(point),
    refused_requests: point.refused,
    latency_ms: viewLatency(point),
  };
}

function viewSums(
  figures: UsageFigures,
): Pick<UsageGroupResponse, 'requests' | 'errors' | 'tokens' | 'cost' | 'avg_latency_ms'> {
  return {
    requests: figures.requests,
    errors: figures.errors,
    tokens: viewTokens(figures),
    cost: usdNumber(figures.costNanos),
    avg_latency_ms: averageLatency(figures),
  };
}

export function viewTokens(figures: UsageFigures): TokensResponse {
  return {
    input: figures.inputTokens,
    output: figures.outputTokens,
    cached: figures.cachedInputTokens,
    reasoning: figures.reasoningTokens,
    total: figures.inputTokens + figures.outputTokens,
  };
}

function viewLatency(usage: TimedUsage): LatencyResponse {
  return {
    avg: averageLatency(usage),
    p50: Math.round(usage.p50Ms),
    p95: Math.round(usage.p95Ms),
    p99: Math.round(usage.p99Ms),
  };
}

function averageLatency({ latencyMs, requests }: UsageFigures): number {
  return share(latencyMs, requests);
}

/** With two places; 0 of nothing. */
function share(sum: number, count: number): number {
  return count === 0 ? 0 : Math.round((sum / count) * 100) / 100;
}
