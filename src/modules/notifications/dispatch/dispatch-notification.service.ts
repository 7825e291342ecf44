import { Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { DeliveryQueue } from './delivery-queue.js';

type Notification = {
  organizationId: string;
  type: string;
  keyId: string | null;
  teamId: string | null;
};

/** From one notification to one delivery for each channel that wants to hear of it. */
@Injectable()
export class DispatchNotificationService {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly queue: DeliveryQueue,
    private readonly clock: Clock,
  ) {}

  /** Once for each notification, however often and by however many it is called. */
  async dispatch(id: string): Promise<void> {
    const deliveries = await this.transactions.run(() => this.#deliver(id));
    for (const delivery of deliveries) await this.queue.wake({ id: delivery, attempts: 0 });
  }

  async #deliver(id: string): Promise<string[]> {
    const [notification] = await this.transactions.sql<Notification>(
      `SELECT organization_id AS "organizationId", type, key_id AS "keyId", team_id AS "teamId"
         FROM notifications
        WHERE id = $1 AND dispatched_at IS NULL FOR UPDATE SKIP LOCKED`,
      [id],
    );
    // Somebody else has done it, or is doing it just now.
    if (!notification) return [];
    const now = new Date(this.clock.now());
    const channels = await this.#channelsOf(notification);
    const deliveries = channels.map(() => newId('delivery'));
    await this.transactions.sql(
      `INSERT INTO notification_deliveries
         (id, organization_id, notification_id, channel_id, status, next_attempt_at, created_at)
       SELECT delivery, $3, $4, channel, 'pending', $5, $5
         FROM unnest($1::text[], $2::text[]) AS made (delivery, channel)`,
      [deliveries, channels, notification.organizationId, id, now],
    );
    await this.transactions.sql(
      'UPDATE notifications SET dispatched_at = $3 WHERE organization_id = $1 AND id = $2',
      [notification.organizationId, id, now],
    );
    return deliveries;
  }

  async #channelsOf({ organizationId, type, keyId, teamId }: Notification): Promise<string[]> {
    const rows = await this.transactions.sql<{ id: string }>(
      `SELECT id FROM notification_channels
        WHERE organization_id = $1 AND (key_id IS NULL OR key_id = $2) AND (team_id IS NULL OR team_id = $4)
          AND status = 'active' AND events && ARRAY['*', $3]`,
      [organizationId, keyId, type, teamId],
    );
    return rows.map(({ id }) => id);
  }
}
