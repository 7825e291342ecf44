import type { NewEntry } from './entry-maker.js';

/** An entry by the names of its columns, as JSON has it: bytes in base64, the time in ISO 8601. */
export type EntryLine = Readonly<Record<string, unknown>> & { readonly id: string };

export function lineOf({ entry, mac }: NewEntry): EntryLine {
  return {
    id: entry.id,
    organization_id: entry.organizationId,
    occurred_at: entry.occurredAt.toISOString(),
    action: entry.action,
    event_type: entry.eventType,
    outcome: entry.outcome,
    actor_type: entry.actorType,
    actor_id: entry.actorId,
    user_id: entry.userId,
    acting_key_id: entry.actingKeyId,
    session_id: entry.sessionId,
    request_id: entry.requestId,
    target_type: entry.targetType,
    target_id: entry.targetId,
    key_id: entry.keyId,
    reason: entry.reason,
    before: entry.before,
    after: entry.after,
    details: entry.details,
    personal: entry.personal,
    salt: entry.salt.toString('base64'),
    mac: mac.toString('base64'),
  };
}
