import type { AuditEntry } from '../domain/audit-entry.js';
import type { StoredEntry } from '../domain/stored-entry.js';

/** As {@link entryOf} reads them. */
export const ENTRY_COLUMNS = `id, organization_id, occurred_at, action, event_type, outcome, actor_type, actor_id, user_id,
  acting_key_id, session_id, request_id, target_type, target_id, key_id, reason, before, after, details, personal, salt, mac,
  sequence, previous_hash, hash`;

/** A row of `audit_entries`. `bigint` comes as a text. */
export type EntryRow = {
  readonly id: string;
  readonly organization_id: string;
  readonly occurred_at: Date;
  readonly action: AuditEntry['action'];
  readonly event_type: AuditEntry['eventType'];
  readonly outcome: AuditEntry['outcome'];
  readonly actor_type: AuditEntry['actorType'];
  readonly actor_id: string | null;
  readonly user_id: string | null;
  readonly acting_key_id: string | null;
  readonly session_id: string | null;
  readonly request_id: string | null;
  readonly target_type: string;
  readonly target_id: string;
  readonly key_id: string | null;
  readonly reason: string | null;
  readonly before: AuditEntry['before'];
  readonly after: AuditEntry['after'];
  readonly details: AuditEntry['details'];
  readonly personal: AuditEntry['personal'];
  readonly salt: Buffer;
  readonly mac: Buffer;
  readonly sequence: string | null;
  readonly previous_hash: Buffer | null;
  readonly hash: Buffer | null;
};

export function entryOf(row: EntryRow): StoredEntry {
  return {
    entry: {
      id: row.id,
      organizationId: row.organization_id,
      occurredAt: row.occurred_at,
      action: row.action,
      eventType: row.event_type,
      outcome: row.outcome,
      actorType: row.actor_type,
      actorId: row.actor_id,
      userId: row.user_id,
      actingKeyId: row.acting_key_id,
      sessionId: row.session_id,
      requestId: row.request_id,
      targetType: row.target_type,
      targetId: row.target_id,
      keyId: row.key_id,
      reason: row.reason,
      before: row.before,
      after: row.after,
      details: row.details,
      personal: row.personal,
      salt: row.salt,
    },
    mac: row.mac,
    sequence: row.sequence === null ? null : Number(row.sequence),
    previousHash: row.previous_hash,
    hash: row.hash,
  };
}
