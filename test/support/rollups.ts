import type pg from 'pg';

import { GAMMA } from '#modules/usage/rollups/latency-sketch.js';
import { pairsOf } from '#modules/usage/rollups/rollup-sql.js';

const GRAINS = ['minute', 'hour', 'day'] as const;

const NAMES = `requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, latency_ms`;
const MADE_OF = 'model, provider, features, status_class';
const FIGURES = `count(*) AS requests, count(*) FILTER (WHERE status >= 400 OR outcome = 'failed') AS errors,
  sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens, sum(output_tokens) AS output_tokens,
  sum(reasoning_tokens) AS reasoning_tokens, sum(cost_nanos) AS cost_nanos, sum(latency_ms) AS latency_ms`;

/** What is stored, and what the records say that it must be. */
type Comparison = { readonly stored: string; readonly wanted: string };

function comparisonsOf(grain: (typeof GRAINS)[number]): Record<string, Comparison> {
  // Each record once for its key, and once for all of the organization.
  const calls = `(
    SELECT scope AS of_key, date_trunc('${grain}', occurred_at, 'UTC') AS bucket, status / 100 AS status_class,
           ceil(ln(greatest(latency_ms, 1)) / ln(${GAMMA}::float8)) AS latency_bucket, event.*
      FROM usage_events AS event CROSS JOIN LATERAL (VALUES (event.key_id), ('')) AS scopes (scope)
     WHERE organization_id = $1) AS calls`;
  return {
    [`breakdown by ${grain}`]: {
      stored: `SELECT key_id, bucket, ${MADE_OF}, ${NAMES} FROM usage_breakdown_${grain} WHERE organization_id = $1`,
      wanted: `SELECT of_key, bucket, ${MADE_OF}, ${FIGURES} FROM ${calls} GROUP BY of_key, bucket, ${MADE_OF}`,
    },
    [`sums by ${grain}`]: {
      stored: `SELECT key_id, bucket, ${NAMES} FROM usage_rollup_${grain} WHERE organization_id = $1 AND requests > 0`,
      wanted: `SELECT of_key, bucket, ${FIGURES} FROM ${calls} GROUP BY of_key, bucket`,
    },
    [`latencies by ${grain}`]: {
      stored: `SELECT key_id, row.bucket, pair.bucket, sum(pair.count)
                 FROM usage_rollup_${grain} AS row
                CROSS JOIN LATERAL (${pairsOf('latencies')}) AS pair
                WHERE organization_id = $1 GROUP BY 1, 2, 3`,
      wanted: `SELECT of_key, bucket, latency_bucket, count(*) FROM ${calls} GROUP BY 1, 2, 3`,
    },
  };
}

const WEEK = `date_trunc('week', occurred_at, 'UTC')`;
/** Of single keys the sums, of the organization the breakdown. */
const WEEKS: Record<string, Comparison> = {
  'sums by week': {
    stored: `SELECT key_id, bucket, ${NAMES} FROM usage_rollup_week WHERE organization_id = $1`,
    wanted: `SELECT key_id, ${WEEK}, ${FIGURES} FROM usage_events WHERE organization_id = $1 GROUP BY 1, 2`,
  },
  'breakdown by week': {
    stored: `SELECT key_id, bucket, ${MADE_OF}, ${NAMES} FROM usage_breakdown_week WHERE organization_id = $1`,
    wanted: `SELECT '', ${WEEK}, model, provider, features, status / 100, ${FIGURES}
               FROM usage_events WHERE organization_id = $1 GROUP BY 1, 2, 3, 4, 5, 6`,
  },
};

/** Of all roll-ups of an organization, those that are not the sums of its records. */
export async function wrongSums(
  database: pg.Pool | pg.Client,
  organizationId: string,
): Promise<string[]> {
  const wrong: string[] = [];
  const comparisons = Object.entries(
    Object.assign({}, WEEKS, ...GRAINS.map(comparisonsOf)) as Record<string, Comparison>,
  );
  for (const [name, { stored, wanted }] of comparisons) {
    const { rows } = await database.query<{ count: string }>(
      `WITH stored AS (${stored}), wanted AS (${wanted})
       SELECT count(*) FROM ((TABLE stored EXCEPT ALL TABLE wanted) UNION ALL (TABLE wanted EXCEPT ALL TABLE stored)) AS wrong`,
      [organizationId],
    );
    if (rows[0]?.count !== '0') wrong.push(`${name}: ${rows[0]?.count} rows`);
  }
  return wrong;
}
