import type pg from 'pg';

import { newId } from '#common/ids/prefixed-id.js';

/**
 * Stores records of a key as the shipper does, in the transaction that is open, and answers their ids. The day must have
 * its partition.
 */
export async function insertEvents(
  client: pg.Client | pg.PoolClient | pg.Pool,
  { organizationId, keyId }: { readonly organizationId: string; readonly keyId: string },
  count: number,
): Promise<string[]> {
  const ids = Array.from({ length: count }, () => newId('request'));
  await client.query(
    `INSERT INTO usage_events (
       id, organization_id, key_id, occurred_at, surface, model, provider, upstream_model, status, outcome, stream,
       input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, usage_source, cost_nanos, latency_ms)
     SELECT id, $1, $2, clock_timestamp(), 'chat.completions', 'a-model', 'a-provider', 'a-model', 200, 'completed', false,
            10, 2, 20, 5, 'upstream', 1234567890, 321
       FROM unnest($3::text[]) AS id`,
    [organizationId, keyId, ids],
  );
  return ids;
}
