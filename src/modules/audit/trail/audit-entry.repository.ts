import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { AuditEntry } from '../domain/audit-entry.js';

@Injectable()
export class AuditEntryRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** In the transaction of what it tells of. */
  async insert(entry: AuditEntry, mac: Buffer): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO audit_entries (
         id, organization_id, occurred_at, action, event_type, outcome, actor_type, actor_id, user_id, acting_key_id,
         session_id, request_id, target_type, target_id, key_id, reason, before, after, details, personal, salt, mac)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`,
      [
        entry.id,
        entry.organizationId,
        entry.occurredAt,
        entry.action,
        entry.eventType,
        entry.outcome,
        entry.actorType,
        entry.actorId,
        entry.userId,
        entry.actingKeyId,
        entry.sessionId,
        entry.requestId,
        entry.targetType,
        entry.targetId,
        entry.keyId,
        entry.reason,
        jsonOrNull(entry.before),
        jsonOrNull(entry.after),
        JSON.stringify(entry.details),
        JSON.stringify(entry.personal),
        entry.salt,
        mac,
      ],
    );
  }
}

function jsonOrNull(facts: unknown): string | null {
  return facts === null ? null : JSON.stringify(facts);
}
