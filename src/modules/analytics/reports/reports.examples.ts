import type { AnalyticsResponse, CurrentUsageResponse } from './dto/analytics.responses.js';

const TOKENS = { input: 5_200, output: 2_100, cached: 1_024, reasoning: 0, total: 7_300 };
const LATENCY = { avg: 812.4, p50: 640, p95: 2_105, p99: 3_870 };
const SUMS = { requests: 40, errors: 1, tokens: TOKENS, cost: 0.0021, avg_latency_ms: 812.4 };

export const ANALYTICS_EXAMPLE: AnalyticsResponse = {
  period: {
    start: '2026-11-20T00:00:00.000Z',
    end: '2026-11-21T00:00:00.000Z',
    time_zone: 'UTC',
    granularity: 'day',
  },
  total_requests: 40,
  total_cost: 0.0021,
  avg_latency_ms: 812.4,
  error_rate: 2.5,
  refused_requests: 3,
  tokens: TOKENS,
  latency_ms: LATENCY,
  models: [{ name: 'gpt-4o-mini', requests: 40, cost: 0.0021 }],
  features: [
    { name: 'chat_completion', usage_count: 40 },
    { name: 'streaming', usage_count: 31 },
  ],
  series: [
    {
      start: '2026-11-20T00:00:00.000Z',
      end: '2026-11-21T00:00:00.000Z',
      ...SUMS,
      refused_requests: 3,
      latency_ms: LATENCY,
    },
  ],
  groups: [{ name: 'openai', label: null, is_other: false, ...SUMS }],
};

export const CURRENT_USAGE_EXAMPLE: CurrentUsageResponse = {
  requests: 40,
  tokens: { total: 7_300 },
  cost: 0.0021,
  active_users: 2,
  breakdown: {
    by_model: [
      { name: 'gpt-4o-mini', requests: 40, tokens: 7_300, cost: 0.0021, avg_latency_ms: 812.4 },
    ],
  },
};
