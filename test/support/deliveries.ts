import pg from 'pg';

import { newId } from '#common/ids/prefixed-id.js';

export type PastDelivery = {
  readonly organizationId: string;
  readonly webhookId: string;
  readonly type?: string;
  readonly status?: 'delivered' | 'failed' | 'pending';
};

/**
 * Writes a notification of the past down, and how it was sent to a webhook.
 * @returns the ids of both
 */
export async function insertDelivery(
  databaseUrl: string,
  { organizationId, webhookId, type = 'key.rotated', status = 'failed' }: PastDelivery,
): Promise<{ id: string; eventId: string }> {
  const [id, eventId] = [newId('delivery'), newId('message')];
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    `INSERT INTO notifications (id, organization_id, type, key_id, data, occurred_at, dispatched_at)
     VALUES ($1, $2, $3, 'key_a', '{"key_id": "key_a"}', now(), now())`,
    [eventId, organizationId, type],
  );
  await client.query(
    `INSERT INTO notification_deliveries (id, organization_id, notification_id, channel_id, status, attempts,
       next_attempt_at, response_status, error, created_at, attempted_at)
     VALUES ($1, $2, $3, $4, $5, 10, $6, 500, 'answered 500', now(), now())`,
    [
      id,
      organizationId,
      eventId,
      webhookId,
      status,
      status === 'pending' ? new Date(Date.now() + 3_600_000) : null,
    ],
  );
  await client.end();
  return { id, eventId };
}
