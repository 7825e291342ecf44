// @ts-check
/** Usage of a thousand keys over 90 days, made up by PostgreSQL: events, and the roll-ups of them. */

const DAYS = 90;
const DAY_MS = 86_400_000;
const BY_DAY = ['usage_events', 'usage_rollup_minute', 'usage_breakdown_minute'];
const GRAINS = ['minute', 'hour', 'day'];
const BY_GRAIN = GRAINS.flatMap((grain) => [`usage_rollup_${grain}`, `usage_breakdown_${grain}`]);
const TABLES = [...BY_GRAIN, 'usage_rollup_week', 'usage_breakdown_week'];
const FIGURES = `count(*) AS requests, count(*) FILTER (WHERE status >= 400 OR outcome = 'failed') AS errors,
  sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
  sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens,
  sum(cost_nanos) AS cost_nanos, sum(latency_ms) AS latency_ms`;
const NAMES =
  'requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, latency_ms';
/** Of the latency sketch: see src/modules/usage/rollups/latency-sketch.ts. */
const LN_GAMMA = Math.log(1.02 / 0.98);

/** @param {number} index */
export const keyIdOf = (index) => `key_bench${String(index).padStart(6, '0')}`;

/**
 * Puts events, spread evenly over the days, and their roll-ups in the place of all that is there. One day is made up; the
 * others are copies of it, since summing up each would take an hour. The last of them is the day that runs.
 *
 * @param {import('pg').Client} database
 * @param {{ organizationId: string, keys: number, events: number, say: (text: string) => void }} wish
 */
export async function fillUsage(database, { organizationId, keys, events, say }) {
  await database.query(`SET work_mem = '256MB'`);
  await database.query(`TRUNCATE ${[...TABLES, 'usage_events', 'key_usage_totals'].join(', ')}`);
  await makeKeys(database, organizationId, keys);
  const first = Math.floor(Date.now() / DAY_MS) * DAY_MS - (DAYS - 1) * DAY_MS;
  const dayAt = (/** @type {number} */ day) => new Date(first + day * DAY_MS).toISOString();
  for (let day = 0; day < DAYS; day++) await makePartitions(database, dayAt(day));
  const count = Math.round(events / DAYS);
  await addEvents(database, { organizationId, keys, from: dayAt(0), to: dayAt(1), count });
  await database.query('ANALYZE usage_events');
  for (const grain of GRAINS) await rollUp(database, grain, dayAt(0), dayAt(1));
  for (let day = 1; day < DAYS - 1; day++) {
    for (const table of BY_GRAIN) await copyDay(database, table, 'bucket', dayAt(0), day);
    await copyDay(database, 'usage_events', 'occurred_at', dayAt(0), day);
    if (day % 10 === 0) say(`${day} of ${DAYS} days are there`);
  }
  await copyDay(database, 'usage_events', 'occurred_at', dayAt(0), DAYS - 1);
  await database.query('DELETE FROM usage_events WHERE occurred_at > now()');
  for (const grain of GRAINS) await rollUp(database, grain, dayAt(DAYS - 1), dayAt(DAYS));
  await sumUpWeeks(database);
  await database.query(
    `INSERT INTO key_usage_totals (organization_id, key_id, requests, input_tokens, output_tokens, cost_nanos, last_used_at)
     SELECT organization_id, key_id, sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_nanos), now()
       FROM usage_rollup_day WHERE key_id <> '' GROUP BY 1, 2`,
  );
  await database.query(
    `VACUUM (ANALYZE) ${[...TABLES, 'key_usage_totals', 'api_keys'].join(', ')}`,
  );
  await database.query('RESET work_mem');
}

/** @param {import('pg').Client} database */
async function sumUpWeeks(database) {
  const sums = NAMES.split(', ').map((name) => `sum(${name})`);
  for (const [table, which, what] of [
    ['usage_rollup', `key_id <> ''`, ''],
    ['usage_breakdown', `key_id = ''`, ', model, provider, features, status_class'],
  ]) {
    await database.query(
      `INSERT INTO ${table}_week (organization_id, key_id, bucket${what}, ${NAMES})
       SELECT organization_id, key_id, date_trunc('week', bucket, 'UTC') AS week${what}, ${sums.join(', ')}
         FROM ${table}_day WHERE ${which} GROUP BY organization_id, key_id, week${what}`,
    );
  }
}

/**
 * @param {import('pg').Client} database
 * @param {string} table
 * @param {string} time the column that says when
 * @param {string} from the day that is copied
 * @param {number} days how much later the copy is
 */
async function copyDay(database, table, time, from, days) {
  const { rows } = await database.query(
    `SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped`,
    [table],
  );
  const columns = rows.map(({ attname }) => attname);
  const later = columns.map((name) => (name === time ? `${name} + interval '${days} days'` : name));
  await database.query(
    `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${later.join(', ')} FROM ${table}
      WHERE ${time} >= '${from}' AND ${time} < timestamptz '${from}' + interval '1 day'`,
  );
}

/** @param {import('pg').Client} database @param {string} organizationId @param {number} keys */
async function makeKeys(database, organizationId, keys) {
  await database.query(
    `INSERT INTO api_keys (id, organization_id, name, environment, access_level, scopes, policy, policy_sources, metadata)
     SELECT 'key_bench' || lpad(n::text, 6, '0'), $1, 'bench ' || n,
            (ARRAY['production', 'staging', 'development'])[n % 3 + 1], 'inference', '{inference}', '{}', '{}',
            jsonb_build_object('team', 'team-' || n % 20)
       FROM generate_series(0, $2::integer - 1) AS n
     ON CONFLICT DO NOTHING`,
    [organizationId, keys],
  );
}

/** @param {import('pg').Client} database @param {string} from */
async function makePartitions(database, from) {
  const to = new Date(Date.parse(from) + DAY_MS).toISOString();
  for (const table of BY_DAY) {
    const name = `${table}_${from.slice(0, 10).replaceAll('-', '')}`;
    await database.query(
      `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF ${table} FOR VALUES FROM ('${from}') TO ('${to}')`,
    );
  }
}

/**
 * Few keys do much, most little; ten models of four providers; latencies are log-normal.
 *
 * @param {import('pg').Client} database
 * @param {{ organizationId: string, keys: number, from: string, to: string, count: number }} wish
 */
async function addEvents(database, { organizationId, keys, from, to, count }) {
  await database.query(
    `INSERT INTO usage_events (
       id, organization_id, key_id, occurred_at, surface, model, provider, upstream_model, status, outcome, stream,
       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, usage_source, cost_nanos, latency_ms, features)
     SELECT 'req_' || gen_random_uuid(), $1, 'key_bench' || lpad(floor($2 * power(random(), 1.5))::text, 6, '0'), at,
            'chat.completions', 'model-' || model, CASE WHEN status = 404 THEN '' ELSE 'provider-' || model % 4 END, 'm',
            status, CASE WHEN status < 400 THEN 'completed' ELSE 'failed' END, true,
            input, input / 4, output, output / 8, 'upstream', input * 150 + output * 600,
            exp(6.5 + 0.8 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::integer,
            (ARRAY[1, 9, 9, 9, 25, 41, 265])[floor(random() * 7)::integer + 1]
       FROM (SELECT $3::timestamptz + random() * ($4::timestamptz - $3::timestamptz) AS at, floor(random() * 10)::integer AS model,
                    (ARRAY[200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 429, 500, 404])[floor(random() * 15)::integer + 1] AS status,
                    floor(random() * 4000)::integer AS input, floor(random() * 900)::integer AS output
               FROM generate_series(1, $5) OFFSET 0) AS call`,
    [organizationId, keys, from, to, count],
  );
}

/**
 * @param {import('pg').Client} database
 * @param {string} grain
 * @param {string} from
 * @param {string} to
 */
async function rollUp(database, grain, from, to) {
  const between = `>= '${from}' AND %s < '${to}'`;
  const events = `(SELECT *, date_trunc('${grain}', occurred_at, 'UTC') AS bucket, (status / 100)::smallint AS status_class,
      ceil(ln(greatest(latency_ms, 1)::float8) / ${LN_GAMMA})::smallint AS latency_bucket
    FROM usage_events WHERE occurred_at ${between.replace('%s', 'occurred_at')}) AS event`;
  /** @param {string} columns */
  const sets = (columns) =>
    `GROUP BY GROUPING SETS ((organization_id, key_id, ${columns}), (organization_id, ${columns}))`;
  const sums = NAMES.split(', ').map((name) => `sum(${name})`);
  const madeOf = 'bucket, model, provider, features, status_class';
  await database.query(`
    INSERT INTO usage_rollup_${grain} (organization_id, key_id, bucket, ${NAMES}, latencies)
    SELECT organization_id, key, bucket, ${sums.join(', ')},
           string_agg(int2send(latency_bucket) || int4send(requests::integer), '' ORDER BY latency_bucket)
      FROM (SELECT organization_id, coalesce(key_id, '') AS key, bucket, latency_bucket, ${FIGURES}
              FROM ${events} ${sets('bucket, latency_bucket')}) AS latencies
     GROUP BY organization_id, key, bucket ORDER BY organization_id, key, bucket`);
  await database.query(`
    INSERT INTO usage_breakdown_${grain} (organization_id, key_id, ${madeOf}, ${NAMES})
    SELECT organization_id, coalesce(key_id, ''), ${madeOf}, ${FIGURES} FROM ${events} ${sets(madeOf)}
     ORDER BY organization_id, coalesce(key_id, ''), ${madeOf}`);
}
