import type { Secret } from '#common/secret/secret.js';

import type { DeliveryLogRow } from './delivery-log.repository.js';
import type {
  DeliveryResponse,
  WebhookResponse,
  WebhookWithSecretResponse,
} from './dto/webhook.responses.js';
import type { WebhookRow } from './webhook.repository.js';

export function viewWebhook(row: WebhookRow): WebhookResponse {
  return {
    id: row.id,
    url: row.address,
    events: row.events,
    description: row.description,
    key_id: row.keyId,
    team_id: row.teamId,
    status: row.status,
    status_reason: row.statusReason,
    failing_since: row.failingSince?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
  };
}

export function viewWithSecret(made: {
  readonly webhook: WebhookRow;
  readonly secret: Secret;
}): WebhookWithSecretResponse {
  return { ...viewWebhook(made.webhook), secret: made.secret.reveal() };
}

export function viewDelivery(row: DeliveryLogRow): DeliveryResponse {
  return {
    id: row.id,
    event_id: row.notificationId,
    type: row.type,
    status: row.status,
    attempts: row.attempts,
    response_status: row.responseStatus,
    error: row.error,
    created_at: row.createdAt.toISOString(),
    attempted_at: row.attemptedAt?.toISOString() ?? null,
    next_attempt_at: row.nextAttemptAt?.toISOString() ?? null,
  };
}
