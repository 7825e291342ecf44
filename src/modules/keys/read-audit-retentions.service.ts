import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type KeyAuditRetention, KeyAuditRetentions } from './key-audit-retentions.port.js';

const RETENTIONS = `
SELECT id AS "keyId", (policy #>> '{security,audit,retention_days}')::integer AS days
  FROM api_keys
 WHERE policy #>> '{security,audit,retention_days}' IS NOT NULL AND organization_id = $1 AND id > $2
 ORDER BY id
 LIMIT $3`;

@Injectable()
export class ReadAuditRetentionsService extends KeyAuditRetentions {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override list(
    organizationId: string,
    afterId: string,
    limit: number,
  ): Promise<KeyAuditRetention[]> {
    return this.transactions.sql<KeyAuditRetention>(RETENTIONS, [organizationId, afterId, limit]);
  }
}
