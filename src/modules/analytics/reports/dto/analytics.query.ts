import { OneOf, Text } from '#common/validation/fields.js';

import { GRANULARITIES, type Granularity } from '../domain/calendar.js';

export class AnalyticsQuery {
  @Text({
    description:
      'Hours or days up to now (`24h`, `7d`, `30d`), or `today`, `yesterday`, `this_week`, `last_week`, `this_month`, `last_month`. `24h` unless said.',
    example: '7d',
    max: 16,
    optional: true,
  })
  period?: string;

  @Text({
    description:
      'Instead of `period`: a time with its offset, or a date, which is its midnight in `time_zone`. Seconds are cut off.',
    example: '2026-11-01',
    max: 40,
    optional: true,
  })
  start?: string;

  @Text({
    description: 'As `start`; not part of the period. Now unless said.',
    max: 40,
    optional: true,
  })
  end?: string;

  @OneOf({
    description:
      'How long a point of the series is, 1,500 points at most. Unless said it goes by the length of the period.',
    values: GRANULARITIES,
    optional: true,
  })
  granularity?: Granularity;

  @Text({
    description:
      '`model`, `provider`, `feature`, `status`, `key`, `environment`, `team`, `project`, or a field of the keys’ metadata, such as `metadata.team`.',
    example: 'provider',
    max: 80,
    optional: true,
  })
  group_by?: string;

  @Text({
    description: 'IANA name of the time zone of days, weeks and months. `UTC` unless said.',
    example: 'Europe/Berlin',
    max: 64,
    optional: true,
  })
  time_zone?: string;
}

export const CURRENT_GRANULARITIES = ['minute', 'hour', 'day'] as const;
export type CurrentGranularity = (typeof CURRENT_GRANULARITIES)[number];

export class CurrentUsageQuery {
  @OneOf({
    description: 'Of UTC. `hour` unless said.',
    values: CURRENT_GRANULARITIES,
    optional: true,
  })
  granularity?: CurrentGranularity;

  @OneOf({
    description: 'Whether `breakdown` is told. `false` unless said.',
    values: ['true', 'false'],
    optional: true,
  })
  include_breakdown?: 'true' | 'false';
}
