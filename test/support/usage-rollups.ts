import pg from 'pg';

import type { UsageRecord } from '#modules/usage/index.js';
import { ROLLED_UP_COLUMNS, rollUp } from '#modules/usage/rollups/rollup-sql.js';

const DAY_MS = 86_400_000;
const INVALID_OBJECT_DEFINITION = '42P17';
const DUPLICATE_TABLE = '42P07';
const BY_DAY = ['usage_events', 'usage_rollup_minute', 'usage_breakdown_minute'];
/** Puts records where the shipper puts them: into `usage_events` and all roll-ups. */
export async function storeUsage(
  databaseUrl: string,
  records: readonly UsageRecord[],
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await makePartitions(
      client,
      records.map(({ occurredAtMs }) => occurredAtMs),
    );
    await client.query(
      `WITH events AS (
         INSERT INTO usage_events SELECT * FROM jsonb_populate_recordset(NULL::usage_events, $1::jsonb)
         RETURNING ${ROLLED_UP_COLUMNS}
       ), ${rollUp('events')} SELECT`,
      [JSON.stringify(records.map(rowOf))],
    );
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
