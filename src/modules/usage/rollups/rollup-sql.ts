import { GAMMA } from './latency-sketch.js';

/** How long what one row sums up is. In the order in which their tables are written: who writes several keeps to it. */
export const GRAINS = ['minute', 'hour', 'day'] as const;
export type Grain = (typeof GRAINS)[number];
const LAST_FIRST = [...GRAINS].reverse();

/** What is summed up of events as it stands there, but for the cost, which has more digits. */
const TOKENS_AND_TIME = [
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'reasoning_tokens',
  'latency_ms',
] as const;
const COUNTS = ['requests', 'errors', ...TOKENS_AND_TIME];
const FIGURES = [...COUNTS, 'cost_nanos'];

const sumsOf = (names: readonly string[]): string =>
  [...names.map((name) => `sum(${name})::bigint AS ${name}`), 'sum(cost_nanos) AS cost_nanos'].join(
    ', ',
  );
const TOTALS = sumsOf(TOKENS_AND_TIME);
const SUMS = sumsOf(COUNTS);
const ADDED = FIGURES.map((name) => `${name} = total.${name} + excluded.${name}`).join(', ');

/** Pairs of a sketch before those of one bucket are added up. */
const MAX_PAIRS = 256;

const MADE_OF = 'model, provider, features, status_class';

/** The UTC minute, hour or day that a time is in, whatever the session's time zone. */
function bucketOf(grain: Grain, time: string): string {
  return `date_bin('1 ${grain}', ${time}, timestamptz 'epoch')`;
}

/** In every group of figures: who, when, and what they are figures of. */
function columnsOf(when: string, what: string): string {
  return `organization_id, key_id, ${when}, ${what}`;
}

/**
 * Sums by minute of each key and, with the empty key, of each organization; in the order in which rows are written, so that
 * sorting them once more costs next to nothing.
 */
function byMinute(events: string, what: string, expressions: string): string {
  const columns = columnsOf('minute', what);
  return `
  WITH of_keys AS MATERIALIZED (
    SELECT ${columnsOf('minute', what)}, count(*) AS requests, count(*) FILTER (WHERE is_error) AS errors, ${TOTALS}
      FROM (SELECT *, ${bucketOf('minute', 'occurred_at')} AS minute, status >= 400 OR outcome = 'failed' AS is_error,
                   ${expressions}
              FROM ${events}) AS calls
     GROUP BY ${columns}
  )
  SELECT * FROM of_keys
  UNION ALL
  SELECT organization_id, '', minute, ${what}, ${SUMS} FROM of_keys GROUP BY organization_id, minute, ${what}
   ORDER BY ${columns}`;
}

function breakdown(grain: Grain): string {
  const columns = columnsOf('bucket', MADE_OF);
  return `
  INSERT INTO usage_breakdown_${grain} AS total (${columns}, ${FIGURES.join(', ')})
  SELECT ${columns}, ${SUMS}
    FROM (SELECT *, ${bucketOf(grain, 'minute')} AS bucket FROM minute_breakdown) AS parts
   GROUP BY ${columns}
   ORDER BY ${columns}
  ON CONFLICT (${columns}) DO UPDATE SET ${ADDED}`;
}

/**
 * A sketch is added by putting its pairs behind those that are there: a bucket may stand in it several times. Only when there
 * are many of them those of one bucket are added up.
 */
function rollup(grain: Grain): string {
  const columns = 'organization_id, key_id, bucket';
  return `
  INSERT INTO usage_rollup_${grain} AS total (${columns}, ${FIGURES.join(', ')}, latency_buckets, latency_counts)
  SELECT ${columns}, ${SUMS}, array_agg(latency_bucket), array_agg(requests::integer)
    FROM (SELECT *, ${bucketOf(grain, 'minute')} AS bucket FROM minute_latencies) AS parts
   GROUP BY ${columns}
   ORDER BY ${columns}
  ON CONFLICT (${columns}) DO UPDATE SET ${ADDED},
    (latency_buckets, latency_counts) = (
      SELECT CASE WHEN cardinality(buckets) <= ${MAX_PAIRS} THEN buckets ELSE (
               SELECT array_agg(DISTINCT bucket ORDER BY bucket) FROM unnest(buckets) AS bucket) END,
             CASE WHEN cardinality(buckets) <= ${MAX_PAIRS} THEN counts ELSE (
               SELECT array_agg(count ORDER BY bucket)
                 FROM (SELECT bucket, sum(count)::integer AS count
                         FROM unnest(buckets, counts) AS pairs (bucket, count) GROUP BY bucket) AS merged) END
        FROM (SELECT total.latency_buckets || excluded.latency_buckets AS buckets,
                     total.latency_counts || excluded.latency_counts AS counts) AS both_of)`;
}

/** Columns of `usage_events` that {@link rollUp} reads. */
export const ROLLED_UP_COLUMNS = `organization_id, key_id, occurred_at, model, provider, features, status, outcome,
  input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, latency_ms`;

/**
 * The parts of a WITH that add events to all roll-ups. Rows are taken in one order, so that statements that add to the same
 * ones can't deadlock: PostgreSQL runs parts that nothing reads the last one first.
 * @param events a relation with {@link ROLLED_UP_COLUMNS}
 */
export function rollUp(events: string): string {
  const statusClass = '(status / 100)::smallint AS status_class';
  const latencyBucket = `ceil(ln(greatest(latency_ms, 1)) / ${Math.log(GAMMA)})::smallint AS latency_bucket`;
  return [
    `minute_breakdown AS MATERIALIZED (${byMinute(events, MADE_OF, statusClass)})`,
    `minute_latencies AS MATERIALIZED (${byMinute(events, 'latency_bucket', latencyBucket)})`,
    ...LAST_FIRST.map((grain) => `breakdown_${grain} AS (${breakdown(grain)})`),
    ...LAST_FIRST.map((grain) => `rollup_${grain} AS (${rollup(grain)})`),
  ].join(',\n');
}

/** The statements that take from the roll-ups of `$1` to `$2`, a whole day, what {@link rollUp} adds. Refused calls stay. */
export function clearDay(grain: Grain): string[] {
  const inRange = 'bucket >= $1 AND bucket < $2';
  const zero = FIGURES.map((name) => `${name} = 0`).join(', ');
  return [
    `DELETE FROM usage_breakdown_${grain} WHERE ${inRange}`,
    `DELETE FROM usage_rollup_${grain} WHERE ${inRange} AND refused = 0`,
    `UPDATE usage_rollup_${grain} SET ${zero}, latency_buckets = '{}', latency_counts = '{}' WHERE ${inRange}`,
  ];
}
