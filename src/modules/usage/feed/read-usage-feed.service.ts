import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { UsageRecord } from '../usage-record.js';
import { type FeedPosition, floorOf } from './feed-position.js';
import { type FeedPage, type FeedQuery, type FeedRecord, UsageFeed } from './usage-feed.port.js';

/** Of all keys, watched or not; more when the last transaction has more. */
const PAGE_ROWS = 2_000;

/**
 * What became visible between two snapshots is what the later one sees and the earlier one does not: unlike the order of
 * transaction ids, that holds in whatever order they commit. The position comes in the same statement as the records, so
 * of the same snapshot, and in a row without a record when there is none.
 *
 * Keys are looked at last. Were they a condition of the scan, a planner without fresh statistics (each day has a new
 * partition) would go by the index of keys, and read all that they did in the last hour.
 */
const PAGE = `
WITH fresh AS MATERIALIZED (
  SELECT organization_id, key_id, id, occurred_at, model, provider, status, outcome, input_tokens,
         cached_input_tokens, output_tokens, reasoning_tokens, cost_nanos, latency_ms, shipped_in
    FROM usage_events
   WHERE occurred_at > now() - interval '1 hour'
     AND shipped_in >= $1::xid8
     AND NOT pg_visible_in_snapshot(shipped_in, $2::pg_snapshot)
     AND ($3::pg_snapshot IS NULL OR pg_visible_in_snapshot(shipped_in, $3::pg_snapshot))
   ORDER BY shipped_in
   FETCH FIRST ${PAGE_ROWS} ROWS WITH TIES
), size AS (SELECT count(*) AS rows, max(shipped_in)::text AS last FROM fresh)
SELECT pg_current_snapshot()::text AS position, CASE WHEN size.rows >= ${PAGE_ROWS} THEN size.last END AS next, record.*
  FROM size
  LEFT JOIN (
    SELECT * FROM fresh
     WHERE (organization_id, key_id) IN (SELECT * FROM unnest($4::text[], $5::text[]))
  ) AS record ON true
 ORDER BY record.shipped_in, record.occurred_at, record.id`;

type Row = { readonly position: string; readonly next: string | null } & (
  RecordRow | { readonly id: null }
);
type RecordRow = {
  readonly organization_id: string;
  readonly key_id: string;
  readonly id: string;
  readonly occurred_at: Date;
  readonly model: string;
  readonly provider: string;
  readonly status: number;
  readonly outcome: UsageRecord['outcome'];
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly cost_nanos: string;
  readonly latency_ms: number;
};

@Injectable()
export class ReadUsageFeedService extends UsageFeed {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override async now(): Promise<FeedPosition> {
    const rows = await this.transactions.sql<{ position: string }>(
      'SELECT pg_current_snapshot()::text AS position',
    );
    return (rows[0] as { position: string }).position;
  }

  override async page({ keys, since, until, after }: FeedQuery): Promise<FeedPage> {
    const rows = await this.transactions.sql<Row>(PAGE, [
      after === null ? floorOf(since) : String(BigInt(after) + 1n),
      since,
      until,
      keys.map(({ organizationId }) => organizationId),
      keys.map(({ keyId }) => keyId),
    ]);
    const [{ position, next }] = rows as [Row];
    const records = rows.flatMap((row) => (row.id === null ? [] : [recordOf(row)]));
    return { records, until: until ?? position, next };
  }
}

function recordOf(row: RecordRow): FeedRecord {
  return {
    organizationId: row.organization_id,
    keyId: row.key_id,
    id: row.id,
    occurredAt: row.occurred_at,
    model: row.model,
    provider: row.provider,
    status: row.status,
    outcome: row.outcome,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    reasoningTokens: row.reasoning_tokens,
    costNanos: BigInt(row.cost_nanos),
    latencyMs: row.latency_ms,
  };
}
