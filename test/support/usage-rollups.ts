import pg from 'pg';

import type { UsageRecord } from '#modules/usage/index.js';
import { GAMMA } from '#modules/usage/rollups/latency-sketch.js';

const DAY_MS = 86_400_000;
const INVALID_OBJECT_DEFINITION = '42P17';
const DUPLICATE_TABLE = '42P07';
const BY_DAY = ['usage_events', 'usage_rollup_minute', 'usage_breakdown_minute'];
const GRAINS = ['minute', 'hour', 'day'];

const FIGURES = `count(*) AS requests, count(*) FILTER (WHERE status >= 400 OR outcome = 'failed') AS errors,
  sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
  sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens,
  sum(cost_nanos) AS cost_nanos, sum(latency_ms) AS latency_ms`;
const FIGURE_NAMES =
  'requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, latency_ms';

/** Puts records where the shipper puts them: into `usage_events` and all roll-ups. */
export async function storeUsage(
  databaseUrl: string,
  records: readonly UsageRecord[],
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const stored = await client.query<{ ms: string }>(
      `SELECT DISTINCT extract(epoch FROM date_trunc('day', occurred_at, 'UTC')) * 1000 AS ms FROM usage_events`,
    );
    await makePartitions(client, [
      ...stored.rows.map(({ ms }) => Number(ms)),
      ...records.map(({ occurredAtMs }) => occurredAtMs),
    ]);
    await client.query(
      `INSERT INTO usage_events SELECT * FROM jsonb_populate_recordset(NULL::usage_events, $1::jsonb)`,
      [JSON.stringify(records.map(rowOf))],
    );
    for (const grain of GRAINS) await rollUp(client, grain);
    await client.query(
      `INSERT INTO key_usage_totals (organization_id, key_id, requests, input_tokens, output_tokens, cost_nanos, last_used_at)
       SELECT organization_id, key_id, count(*), sum(input_tokens), sum(output_tokens), sum(cost_nanos), max(occurred_at)
         FROM usage_events GROUP BY 1, 2 ON CONFLICT (organization_id, key_id) DO UPDATE SET
           requests = excluded.requests, cost_nanos = excluded.cost_nanos, last_used_at = excluded.last_used_at`,
    );
  } finally {
    await client.end();
  }
}

async function makePartitions(client: pg.Client, momentsMs: readonly number[]): Promise<void> {
  const days = new Set(momentsMs.map((ms) => Math.floor(ms / DAY_MS) * DAY_MS));
  for (const day of days) {
    const [from = '', to = ''] = [day, day + DAY_MS].map((ms) => new Date(ms).toISOString());
    for (const table of BY_DAY) {
      const name = `${table}_${from.slice(0, 10).replaceAll('-', '')}`;
      await client
        .query(
          `CREATE TABLE ${name} PARTITION OF ${table} FOR VALUES FROM ('${from}') TO ('${to}')`,
        )
        .catch((error: unknown) => {
          const code = (error as { code?: string }).code ?? '';
          if (![INVALID_OBJECT_DEFINITION, DUPLICATE_TABLE].includes(code)) throw error;
        });
    }
  }
}

/** From all events, anew. */
async function rollUp(client: pg.Client, grain: string): Promise<void> {
  const event = `(SELECT *, date_trunc('${grain}', occurred_at, 'UTC') AS bucket, (status / 100)::smallint AS status_class,
    ceil(ln(greatest(latency_ms, 1)) / ${Math.log(GAMMA)})::smallint AS latency_bucket FROM usage_events) AS event`;
  const sets = (columns: string): string =>
    `GROUP BY GROUPING SETS ((organization_id, key_id, ${columns}), (organization_id, ${columns}))`;
  await client.query(`DELETE FROM usage_rollup_${grain}`);
  await client.query(`DELETE FROM usage_breakdown_${grain}`);
  await client.query(`
    INSERT INTO usage_rollup_${grain} (organization_id, key_id, bucket, ${FIGURE_NAMES}, latency_buckets, latency_counts)
    SELECT organization_id, key, bucket, ${FIGURE_NAMES.split(', ')
      .map((name) => `sum(${name})`)
      .join(', ')},
           array_agg(latency_bucket ORDER BY latency_bucket), array_agg(requests::integer ORDER BY latency_bucket)
      FROM (SELECT organization_id, coalesce(key_id, '') AS key, bucket, latency_bucket, ${FIGURES}
              FROM ${event} ${sets('bucket, latency_bucket')}) AS latencies
     GROUP BY organization_id, key, bucket`);
  const madeOf = 'bucket, model, provider, features, status_class';
  await client.query(`
    INSERT INTO usage_breakdown_${grain} (organization_id, key_id, ${madeOf}, ${FIGURE_NAMES})
    SELECT organization_id, coalesce(key_id, ''), ${madeOf}, ${FIGURES} FROM ${event} ${sets(madeOf)}`);
}

function rowOf(record: UsageRecord): Record<string, unknown> {
  return {
    id: record.id,
    organization_id: record.caller.organizationId,
    key_id: record.caller.keyId,
    occurred_at: new Date(record.occurredAtMs).toISOString(),
    surface: record.surface,
    model: record.route.model,
    provider: record.route.provider,
    upstream_model: record.route.upstreamModel,
    status: record.status,
    outcome: record.outcome,
    stream: record.stream,
    input_tokens: record.inputTokens,
    cached_input_tokens: record.cachedInputTokens,
    output_tokens: record.outputTokens,
    reasoning_tokens: record.reasoningTokens,
    usage_source: record.usageSource,
    cost_nanos: String(record.costNanos),
    latency_ms: record.latencyMs,
    features: record.features,
  };
}
