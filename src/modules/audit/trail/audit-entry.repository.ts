import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { EntryLine } from './entry-line.js';

const COLUMNS = `id, organization_id, occurred_at, action, event_type, outcome, actor_type, actor_id, user_id, acting_key_id,
  session_id, request_id, target_type, target_id, key_id, reason, before, after, details, personal`;

const INSERT = `
INSERT INTO audit_entries (${COLUMNS}, salt, mac)
SELECT ${COLUMNS}, decode(salt, 'base64'), decode(mac, 'base64')
  FROM jsonb_to_recordset($1::jsonb) AS line (
    id text, organization_id text, occurred_at timestamptz, action text, event_type text, outcome text, actor_type text,
    actor_id text, user_id text, acting_key_id text, session_id text, request_id text, target_type text, target_id text,
    key_id text, reason text, before jsonb, after jsonb, details jsonb, personal jsonb, salt text, mac text)
ON CONFLICT (id) DO NOTHING`;

@Injectable()
export class AuditEntryRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** In the transaction of what they tell of, where there is one. What is there already is left alone. */
  async insert(lines: readonly EntryLine[]): Promise<void> {
    await this.transactions.preparedSql('insert_audit_entries', INSERT, [JSON.stringify(lines)]);
  }
}
