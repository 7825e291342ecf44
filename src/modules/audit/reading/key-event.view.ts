import type { StoredEntry } from '../domain/stored-entry.js';
import type { KeyEventResponse } from './dto/audit.responses.js';

export function viewKeyEvent({ entry }: StoredEntry): KeyEventResponse {
  const { reason, before, after, personal } = entry;
  return {
    id: entry.id,
    timestamp: entry.occurredAt.toISOString(),
    event_type: entry.eventType,
    action: entry.action,
    outcome: entry.outcome,
    actor: { type: entry.actorType, id: entry.actorId, key_id: entry.actingKeyId },
    user_id: entry.userId,
    ip_address: personal.ip_address ?? null,
    user_agent: personal.user_agent ?? null,
    country: personal.country ?? null,
    request_id: entry.requestId,
    target: { type: entry.targetType, id: entry.targetId },
    details: {
      ...entry.details,
      ...(before && { before }),
      ...(after && { after }),
      ...(reason !== null && { reason }),
    },
  };
}
