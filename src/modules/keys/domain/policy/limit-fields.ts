import { escalation, invalid, placed, type PolicyField } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { type NumberKind, REQUESTS, TOKENS, USD, whole } from './number-kinds.js';

type Place = {
  readonly path: string;
  readonly aliases?: readonly string[];
  readonly about: string;
};
type NumberField = PolicyField<number | null>;

const REQUEST_LIMITS = 'rate_limits.requests';
const TOKEN_LIMITS = 'rate_limits.tokens';
const COST_LIMITS = 'rate_limits.costs';
const CONCURRENCY = 'rate_limits.concurrency';

/** What a key may use up. `null` is not limited; what binds where it is not said, `limits-in-force.ts` knows. */
export const LIMIT_FIELDS = {
  requestsPerSecond: atMost(
    { path: `${REQUEST_LIMITS}.per_second`, about: 'Requests in a second.' },
    REQUESTS,
  ),
  requestsPerMinute: atMost(
    {
      path: `${REQUEST_LIMITS}.per_minute`,
      aliases: ['permissions.max_requests_per_minute'],
      about: 'Requests in a minute.',
    },
    REQUESTS,
  ),
  requestsPerHour: atMost(
    { path: `${REQUEST_LIMITS}.per_hour`, about: 'Requests in an hour.' },
    REQUESTS,
  ),
  requestsPerDay: atMost(
    {
      path: `${REQUEST_LIMITS}.per_day`,
      aliases: ['permissions.max_requests_per_day'],
      about: 'Requests in a day (UTC).',
    },
    REQUESTS,
  ),
  burstSize: atMost(
    {
      path: `${REQUEST_LIMITS}.burst_size`,
      about:
        'Requests that `per_second` lets through at once; as many as `per_second` unless said.',
    },
    whole(1, 1_000_000),
  ),
  inputTokensPerMinute: atMost(
    { path: `${TOKEN_LIMITS}.input_per_minute`, about: 'Input tokens in a minute.' },
    TOKENS,
  ),
  outputTokensPerMinute: atMost(
    { path: `${TOKEN_LIMITS}.output_per_minute`, about: 'Output tokens in a minute.' },
    TOKENS,
  ),
  totalTokensPerDay: atMost(
    { path: `${TOKEN_LIMITS}.total_per_day`, about: 'Input and output tokens in a day (UTC).' },
    TOKENS,
  ),
  minOutputTokens: {
    ...atMost(
      {
        path: `${TOKEN_LIMITS}.min_output`,
        about:
          'Output tokens down to which `max_tokens` of a request may be lowered so that it fits what is left; 256 unless said.',
      },
      TOKENS,
    ),
    // A child that could go lower would still be served where its creator is not any more.
    within: (own, asked, at) => {
      if (own === null || asked === null) return asked ?? own;
      if (asked >= own) return asked;
      throw escalation(at, `This key has ${own} there itself, so it can’t grant less.`);
    },
  },
  costPerRequestNanos: atMost(
    { path: `${COST_LIMITS}.per_request_max`, about: 'USD that one request may cost.' },
    USD,
  ),
  costPerHourNanos: atMost({ path: `${COST_LIMITS}.per_hour_max`, about: 'USD in an hour.' }, USD),
  costPerDayNanos: atMost(
    {
      path: `${COST_LIMITS}.per_day_max`,
      aliases: ['permissions.max_cost_per_day'],
      about: 'USD in a day (UTC).',
    },
    USD,
  ),
  costPerMonthNanos: atMost(
    { path: `${COST_LIMITS}.per_month_max`, about: 'USD in a calendar month (UTC).' },
    USD,
  ),
  alertThreshold: alertThreshold(`${COST_LIMITS}.alert_threshold`),
  maxParallelRequests: atMost(
    { path: `${CONCURRENCY}.max_parallel_requests`, about: 'Requests at the same time.' },
    whole(1, 100_000),
  ),
  maxQueuedRequests: atMost(
    {
      path: `${CONCURRENCY}.max_queued_requests`,
      about: 'Requests beyond `max_parallel_requests` that wait for one to end; none unless said.',
    },
    whole(0, 10_000),
  ),
} as const satisfies { readonly [Name in keyof KeyPolicy]?: NumberField };

/** A child's is no higher than its creator's. */
function atMost(place: Place, kind: NumberKind): NumberField {
  return {
    ...placed(place),
    open: null,
    schema: { ...kind.schema, description: place.about },
    read: kind.read,
    within: (own, asked, at) => {
      if (own === null || asked === null) return asked ?? own;
      if (asked <= own) return asked;
      throw escalation(
        at,
        `This key has ${String(kind.write(own))} there itself, so it can’t grant more.`,
      );
    },
    document: {
      write: (value) => (value === null ? null : kind.write(value)),
      parse: (written) => kind.parse(written as number),
    },
  };
}

/** Lets nothing through, so a child's may be any. */
function alertThreshold(path: string): NumberField {
  return {
    path,
    aliases: [],
    open: null,
    schema: {
      type: ['number', 'null'],
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'The share of each limit at which somebody is told; at all of it unless said.',
    },
    read: (given, at) => {
      if (typeof given === 'number' && given > 0 && given <= 1) return given;
      throw invalid(at, 'must be a number above 0 and at most 1');
    },
    within: (_own, asked) => asked,
  };
}
