import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type Grain, GRAINS } from '../rollups/rollup-sql.js';

/** How many calls of a key were refused in a minute. */
export type Refusals = {
  readonly organizationId: string;
  readonly keyId: string;
  /** Beginning of the minute, in milliseconds since the Unix epoch. */
  readonly minuteMs: number;
  calls: number;
};

/**
 * To the row of the key and to that of its organization, which has an empty key. Rows are taken in the order of their
 * primary key, as by whoever ships usage to the same ones, so that none waits for another in a circle.
 */
const add = (grain: Grain): string => `
INSERT INTO usage_rollup_${grain} AS rollup (
  organization_id, key_id, bucket, requests, errors, input_tokens, cached_input_tokens, output_tokens,
  reasoning_tokens, cost_nanos, latency_ms, refused, latencies
)
SELECT organization_id, counted.key_id, date_trunc('${grain}', to_timestamp(minute_ms / 1000), 'UTC') AS bucket,
       0, 0, 0, 0, 0, 0, 0, 0, sum(calls), ''
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS given (organization_id, key_id, minute_ms, calls)
 CROSS JOIN LATERAL (VALUES (given.key_id), ('')) AS counted (key_id)
 GROUP BY organization_id, counted.key_id, bucket
 ORDER BY organization_id, counted.key_id, bucket
ON CONFLICT (organization_id, key_id, bucket) DO UPDATE SET refused = rollup.refused + excluded.refused`;

@Injectable()
export class RefusalRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** All or nothing, whatever organizations they belong to. The partitions of their minutes must be there. */
  async addAcrossTenants(refusals: readonly Refusals[]): Promise<void> {
    const columns = [
      refusals.map(({ organizationId }) => organizationId),
      refusals.map(({ keyId }) => keyId),
      refusals.map(({ minuteMs }) => minuteMs),
      refusals.map(({ calls }) => calls),
    ];
    await this.transactions.run(async () => {
      for (const grain of GRAINS) await this.transactions.sql(add(grain), columns);
    });
  }
}
