import { PageQuery } from '#common/pagination/page.query.js';
import { Int, OneOf, Text, Time, Usd } from '#common/validation/fields.js';
import { type Feature, FEATURES } from '#modules/keys/index.js';

import { OUTCOMES, type RequestOutcome } from './request-log.responses.js';

const MAX_COST_USD = 9_000_000;
const MAX_LATENCY_MS = 86_400_000;
const MAX_NAME_LENGTH = 256;

export class ListRequestsQuery extends PageQuery {
  @Text({ description: 'Calls with this key only.', max: 64, optional: true })
  key_id?: string;

  @Text({
    description: 'As the caller named it.',
    example: 'gpt-4o-mini',
    max: MAX_NAME_LENGTH,
    optional: true,
  })
  model?: string;

  @Text({ description: 'By name.', max: MAX_NAME_LENGTH, optional: true })
  provider?: string;

  @Text({
    description: 'The HTTP status that the caller got, or a class of them.',
    example: '4xx',
    max: 3,
    pattern: /^[1-5](\d\d|xx)$/,
    optional: true,
  })
  status?: string;

  @OneOf({ description: 'How it ended.', values: OUTCOMES, optional: true })
  outcome?: RequestOutcome;

  @OneOf({ description: 'Made use of by the call.', values: FEATURES, optional: true })
  feature?: Feature;

  @Usd({ description: 'Calls that cost at least so many USD.', max: MAX_COST_USD, optional: true })
  min_cost?: string;

  @Int({
    description: 'Calls that took at least so long.',
    min: 0,
    max: MAX_LATENCY_MS,
    optional: true,
  })
  min_latency_ms?: number;

  @Time({
    description: 'The first moment to look at; 30 days before `end` unless said.',
    example: '2026-11-01T00:00:00Z',
    optional: true,
  })
  start?: Date;

  @Time({
    description:
      'The first moment not to look at any more; now unless said. At most 400 days after `start`.',
    example: '2026-12-01T00:00:00Z',
    optional: true,
  })
  end?: Date;
}

export class GetRequestQuery {
  @OneOf({
    description: 'Bodies, which only a key with `permissions.data_access.export_data` may read.',
    values: ['bodies'],
    optional: true,
  })
  include?: 'bodies';

  @Time({
    description:
      'When the call ended, to the second, for a record whose id does not tell: one from before ids did.',
    optional: true,
  })
  occurred_at?: Date;
}

export class DeleteBodiesQuery {
  @Time({
    description: 'Of calls that ended before this moment.',
    example: '2026-11-01T00:00:00Z',
  })
  before: Date;

  @Text({ description: 'Of calls with this key only.', max: 64, optional: true })
  key_id?: string;
}
