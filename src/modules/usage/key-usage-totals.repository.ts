import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyUsageTotals } from './usage-totals.port.js';

type TotalsRow = {
  readonly requests: string;
  readonly input_tokens: string;
  readonly output_tokens: string;
  readonly cost_nanos: string;
  readonly last_used_at: Date;
};

@Injectable()
export class KeyUsageTotalsRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async findOfKey(organizationId: string, keyId: string): Promise<KeyUsageTotals | null> {
    const rows = await this.transactions.sql<TotalsRow>(
      `SELECT requests, input_tokens, output_tokens, cost_nanos, last_used_at
         FROM key_usage_totals WHERE organization_id = $1 AND key_id = $2`,
      [organizationId, keyId],
    );
    const [row] = rows;
    if (!row) return null;
    return {
      requests: Number(row.requests),
      inputTokens: Number(row.input_tokens),
      outputTokens: Number(row.output_tokens),
      costNanos: BigInt(row.cost_nanos),
      lastUsedAt: row.last_used_at,
    };
  }

  async findLastUsedAt(
    organizationId: string,
    keyIds: readonly string[],
  ): Promise<Map<string, Date>> {
    const rows = await this.transactions.sql<{ key_id: string; last_used_at: Date }>(
      `SELECT key_id, last_used_at
         FROM key_usage_totals WHERE organization_id = $1 AND key_id = ANY($2)`,
      [organizationId, keyIds],
    );
    return new Map(rows.map((row) => [row.key_id, row.last_used_at]));
  }
}
