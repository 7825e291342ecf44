import { GAMMA, PAIR_BYTES } from './latency-sketch.js';

/** How long what one row sums up is. In the order in which their tables are written: who writes several keeps to it. */
export const GRAINS = ['minute', 'hour', 'day'] as const;
export type Grain = (typeof GRAINS)[number];
/** Weeks, for long reports: of single keys the sums, without latencies, and of the organization the breakdown. */
export type RollupGrain = Grain | 'week';
/** Monday, 5 January 1970. */
export const WEEK_ORIGIN_MS = 4 * 86_400_000;
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

/** The UTC minute, hour, day or week that a time is in, whatever the session's time zone. */
function bucketOf(grain: RollupGrain, time: string): string {
  const origin = grain === 'week' ? new Date(WEEK_ORIGIN_MS).toISOString() : 'epoch';
  return `date_bin('1 ${grain}', ${time}, timestamptz '${origin}')`;
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

function breakdown(grain: RollupGrain): string {
  const columns = columnsOf('bucket', MADE_OF);
  const where = grain === 'week' ? "WHERE key_id = ''" : '';
  return `
  INSERT INTO usage_breakdown_${grain} AS total (${columns}, ${FIGURES.join(', ')})
  SELECT ${columns}, ${SUMS}
    FROM (SELECT *, ${bucketOf(grain, 'minute')} AS bucket FROM minute_breakdown ${where}) AS parts
   GROUP BY ${columns}
   ORDER BY ${columns}
  ON CONFLICT (${columns}) DO UPDATE SET ${ADDED}`;
}

/** A pair of bucket and count, as {@link PAIR_BYTES} tells. */
const pair = (bucket: string, count: string): string =>
  `int2send(${bucket}) || int4send(${count}::integer)`;

/** The pairs of a sketch, as rows of `bucket` and `count`. */
export function pairsOf(sketch: string): string {
  const byte = (index: number): string => `get_byte(${sketch}, at + ${index})::bigint`;
  const number = (...bytes: number[]): string =>
    bytes.map((index, at) => `(${byte(index)} << ${8 * (bytes.length - 1 - at)})`).join(' + ');
  return `SELECT (${number(0, 1)})::smallint AS bucket, ${number(2, 3, 4, 5)} AS count
            FROM generate_series(0, length(${sketch}) - ${PAIR_BYTES}, ${PAIR_BYTES}) AS at`;
}

/**
 * A sketch is added by putting its pairs behind those that are there: a bucket may stand in it several times. Only when there
 * are many of them those of one bucket are added up.
 */
function rollup(grain: Grain): string {
  const columns = 'organization_id, key_id, bucket';
  return `
  INSERT INTO usage_rollup_${grain} AS total (${columns}, ${FIGURES.join(', ')}, latencies)
  SELECT ${columns}, ${SUMS}, string_agg(${pair('latency_bucket', 'requests')}, '')
    FROM (SELECT *, ${bucketOf(grain, 'minute')} AS bucket FROM minute_latencies) AS parts
   GROUP BY ${columns}
   ORDER BY ${columns}
  ON CONFLICT (${columns}) DO UPDATE SET ${ADDED}, latencies = (
    SELECT CASE WHEN length(sketch) <= ${MAX_PAIRS * PAIR_BYTES} THEN sketch ELSE (
             SELECT string_agg(${pair('bucket', 'count')}, '' ORDER BY bucket)
               FROM (SELECT bucket, sum(count) AS count FROM (${pairsOf('sketch')}) AS pairs GROUP BY bucket) AS merged) END
      FROM (SELECT total.latencies || excluded.latencies AS sketch) AS both_of)`;
}

function rollupOfWeek(): string {
  const columns = 'organization_id, key_id, bucket';
  return `
  INSERT INTO usage_rollup_week AS total (${columns}, ${FIGURES.join(', ')})
  SELECT ${columns}, ${SUMS}
    FROM (SELECT *, ${bucketOf('week', 'minute')} AS bucket FROM minute_latencies WHERE key_id <> '') AS parts
   GROUP BY ${columns}
   ORDER BY ${columns}
  ON CONFLICT (${columns}) DO UPDATE SET ${ADDED}`;
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
    ...(['week', ...LAST_FIRST] as const).map(
      (grain) => `breakdown_${grain} AS (${breakdown(grain)})`,
    ),
    `rollup_week AS (${rollupOfWeek()})`,
    ...LAST_FIRST.map((grain) => `rollup_${grain} AS (${rollup(grain)})`),
  ].join(',\n');
}

/** The statements that take from the roll-ups, but for weeks, of `$1` to `$2`, a whole day, what {@link rollUp} adds. Refused calls stay. */
export function clearDay(grain: Grain): string[] {
  const inRange = 'bucket >= $1 AND bucket < $2';
  const zero = FIGURES.map((name) => `${name} = 0`).join(', ');
  return [
    `DELETE FROM usage_breakdown_${grain} WHERE ${inRange}`,
    `DELETE FROM usage_rollup_${grain} WHERE ${inRange} AND refused = 0`,
    `UPDATE usage_rollup_${grain} SET ${zero}, latencies = '' WHERE ${inRange}`,
  ];
}

/** The statements that sum up anew, from its days, the week that the time `$1` is in. */
export function resumWeek(): string[] {
  const week = bucketOf('week', '$1::timestamptz');
  const inWeek = `bucket >= ${week} AND bucket < ${week} + interval '7 days'`;
  const resum = (table: string, which: string, what: string): string[] => [
    `DELETE FROM ${table}_week WHERE bucket = ${week}`,
    `INSERT INTO ${table}_week (organization_id, key_id, bucket${what}, ${FIGURES.join(', ')})
     SELECT organization_id, key_id, ${week}${what}, ${SUMS} FROM ${table}_day
      WHERE ${which} AND requests > 0 AND ${inWeek} GROUP BY organization_id, key_id${what}`,
  ];
  return [
    ...resum('usage_rollup', `key_id <> ''`, ''),
    ...resum('usage_breakdown', `key_id = ''`, `, ${MADE_OF}`),
  ];
}
