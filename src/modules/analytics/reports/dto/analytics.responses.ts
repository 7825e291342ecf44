import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

import { GRANULARITIES, type Granularity } from '../domain/calendar.js';

const COST = { example: 1.25, description: 'USD, up to nine places.' };

export class TokensResponse {
  @ApiProperty({ description: 'All input tokens, the cached ones included.' })
  input: number;

  @ApiProperty()
  output: number;

  @ApiProperty({ description: 'Of the input.' })
  cached: number;

  @ApiProperty({ description: 'Of the output.' })
  reasoning: number;

  @ApiProperty({ description: 'Input and output.' })
  total: number;
}

export class LatencyResponse {
  @ApiProperty()
  avg: number;

  @ApiProperty({ description: 'Within 2 % of the exact one, as all percentiles.' })
  p50: number;

  @ApiProperty()
  p95: number;

  @ApiProperty()
  p99: number;
}

export class ModelUsageResponse {
  @ApiProperty({
    example: 'gpt-4o-mini',
    description: '`other`: all beyond the hundred that cost most.',
  })
  name: string;

  @ApiProperty()
  requests: number;

  @ApiProperty(COST)
  cost: number;
}

export class FeatureUsageResponse {
  @ApiProperty({ example: 'streaming' })
  name: string;

  @ApiProperty({ description: 'How many calls made use of it.' })
  usage_count: number;
}

class UsageSumsResponse {
  @ApiProperty()
  requests: number;

  @ApiProperty({ description: 'Of the requests.' })
  errors: number;

  @ApiProperty({ type: TokensResponse })
  tokens: TokensResponse;

  @ApiProperty(COST)
  cost: number;

  @ApiProperty()
  avg_latency_ms: number;
}

export class SeriesPointResponse extends UsageSumsResponse {
  @ApiProperty({ type: String, format: 'date-time' })
  start: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'Not part of it.' })
  end: string;

  @ApiProperty()
  refused_requests: number;

  @ApiProperty({ type: LatencyResponse })
  latency_ms: LatencyResponse;
}

export class UsageGroupResponse extends UsageSumsResponse {
  @ApiProperty({
    type: String,
    nullable: true,
    example: 'openai',
    description:
      '`null`: of calls that reached no provider, use no feature, or whose key has none.',
  })
  name: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'What a key is called, where groups are keys.',
  })
  label: string | null;

  @ApiProperty({ description: 'All beyond the hundred that cost most; its name is `other`.' })
  is_other: boolean;
}

export class PeriodResponse {
  @ApiProperty({ type: String, format: 'date-time' })
  start: string;

  @ApiProperty({ type: String, format: 'date-time', description: 'Not part of it.' })
  end: string;

  @ApiProperty({ example: 'UTC' })
  time_zone: string;

  @ApiProperty({ enum: GRANULARITIES })
  granularity: Granularity;
}

export class AnalyticsResponse {
  @ApiProperty({ type: PeriodResponse, description: 'What the answer is about.' })
  period: PeriodResponse;

  @ApiProperty({ description: 'All that reached routing, failed ones included.' })
  total_requests: number;

  @ApiProperty(COST)
  total_cost: number;

  @ApiProperty()
  avg_latency_ms: number;

  @ApiProperty({ example: 0.42, description: 'Percent of the requests.' })
  error_rate: number;

  @ApiProperty({ description: 'Not part of `total_requests`.' })
  refused_requests: number;

  @ApiProperty({ type: TokensResponse })
  tokens: TokensResponse;

  @ApiProperty({ type: LatencyResponse })
  latency_ms: LatencyResponse;

  @ApiProperty({ type: [ModelUsageResponse], description: 'What cost most first.' })
  models: ModelUsageResponse[];

  @ApiProperty({ type: [FeatureUsageResponse], description: 'What was used most first.' })
  features: FeatureUsageResponse[];

  @ApiProperty({ type: [SeriesPointResponse], description: 'Without gaps.' })
  series: SeriesPointResponse[];

  @ApiPropertyOptional({
    type: [UsageGroupResponse],
    description: 'With `group_by`; what cost most first.',
  })
  groups?: UsageGroupResponse[];
}

export class CurrentTokensResponse {
  @ApiProperty()
  total: number;
}

export class CurrentModelResponse {
  @ApiProperty({
    example: 'gpt-4o-mini',
    description: '`other`: all beyond the hundred that cost most.',
  })
  name: string;

  @ApiProperty()
  requests: number;

  @ApiProperty({ description: 'Input and output.' })
  tokens: number;

  @ApiProperty(COST)
  cost: number;

  @ApiProperty()
  avg_latency_ms: number;
}

export class CurrentBreakdownResponse {
  @ApiProperty({ type: [CurrentModelResponse] })
  by_model: CurrentModelResponse[];
}

export class CurrentUsageResponse {
  @ApiProperty()
  requests: number;

  @ApiProperty({ type: CurrentTokensResponse })
  tokens: CurrentTokensResponse;

  @ApiProperty(COST)
  cost: number;

  @ApiProperty({ description: 'Keys that called: there are no users yet.' })
  active_users: number;

  @ApiPropertyOptional({ type: CurrentBreakdownResponse, description: 'With `include_breakdown`.' })
  breakdown?: CurrentBreakdownResponse;
}
