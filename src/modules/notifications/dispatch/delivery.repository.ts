import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ChannelKind } from '../key-channels.port.js';
import type { NotificationType } from '../notifier.port.js';
import { SLOWED_AFTER_FAILURES } from '../webhooks/webhook-health.js';
import type { WaitingDelivery } from './delivery-queue.js';

/** For that long a delivery is its worker's. Sending takes much less; a worker that dies gives it back by that. */
const LEASE_MS = 60_000;

/** Where a delivery goes to, as it is by now. */
export type DeliveryChannel = {
  readonly id: string;
  readonly kind: ChannelKind;
  readonly address: string;
  readonly status: 'active' | 'disabled';
  readonly sealedSecret: Buffer | null;
  readonly sealedOldSecret: Buffer | null;
  readonly oldSecretExpiresAt: Date | null;
};

export type ClaimedDelivery = WaitingDelivery & {
  readonly organizationId: string;
  readonly attemptedAt: Date;
  readonly notification: {
    readonly id: string;
    readonly type: NotificationType;
    readonly keyId: string | null;
    readonly occurredAt: Date;
    readonly data: Readonly<Record<string, unknown>>;
  };
  /** `null` when it was deleted meanwhile. */
  readonly channel: DeliveryChannel | null;
};

export type DeliveryResult = {
  readonly status: 'pending' | 'delivered' | 'failed';
  readonly nextAttemptAt: Date | null;
  readonly responseStatus: number | null;
  readonly error: string | null;
};

type ClaimedRow = {
  id: string;
  organizationId: string;
  attempts: number;
  notificationId: string;
  type: NotificationType;
  keyId: string | null;
  occurredAt: Date;
  data: Record<string, unknown>;
  channelId: string | null;
} & Omit<DeliveryChannel, 'id'>;

@Injectable()
export class DeliveryRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /**
   * Takes a delivery that is due, counting the attempt. Until the lease is over nobody else gets it: `next_attempt_at`
   * is when it may be taken again. Of a channel that only fails one at a time is taken: those that hang must not keep
   * all workers from the others.
   * @returns `null` when there is nothing to do
   */
  async claimAcrossTenants(id: string, now: Date): Promise<ClaimedDelivery | null> {
    const [row] = await this.transactions.sql<ClaimedRow>(
      `WITH claimed AS (
         UPDATE notification_deliveries due
            SET attempts = attempts + 1, attempted_at = $2, next_attempt_at = $3
          WHERE id = $1 AND status = 'pending' AND next_attempt_at <= $2
            AND NOT EXISTS (
              SELECT FROM notification_channels failing JOIN notification_deliveries other
                  ON other.organization_id = failing.organization_id AND other.channel_id = failing.id
               WHERE failing.organization_id = due.organization_id AND failing.id = due.channel_id
                 AND failing.status = 'active' AND failing.consecutive_failures >= $5 AND other.status = 'pending'
                 AND other.next_attempt_at > $2 AND other.next_attempt_at = other.attempted_at + $4 * interval '1 ms')
          RETURNING id, organization_id, notification_id, channel_id, attempts)
       SELECT claimed.id, claimed.organization_id AS "organizationId", claimed.attempts,
              told.id AS "notificationId", told.type, told.key_id AS "keyId",
              told.occurred_at AS "occurredAt", told.data,
              channel.id AS "channelId", channel.kind, channel.address, channel.status,
              channel.sealed_secret AS "sealedSecret", channel.sealed_old_secret AS "sealedOldSecret",
              channel.old_secret_expires_at AS "oldSecretExpiresAt"
         FROM claimed
         JOIN notifications told
           ON told.organization_id = claimed.organization_id AND told.id = claimed.notification_id
         LEFT JOIN notification_channels channel
           ON channel.organization_id = claimed.organization_id AND channel.id = claimed.channel_id`,
      [id, now, new Date(now.getTime() + LEASE_MS), LEASE_MS, SLOWED_AFTER_FAILURES],
    );
    return row ? toClaimed(row, now) : null;
  }

  /** Gives back what was claimed and not tried: the attempt counts for nothing, and the delivery is due at once. */
  async release({ organizationId, id, attempts, attemptedAt }: ClaimedDelivery): Promise<void> {
    await this.transactions.sql(
      `UPDATE notification_deliveries SET attempts = attempts - 1, next_attempt_at = attempted_at
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' AND attempts = $3 AND attempted_at = $4`,
      [organizationId, id, attempts, attemptedAt],
    );
  }

  /**
   * Writes down how an attempt ended.
   * @returns whether it was still this attempt's; not when its lease was over and somebody else has tried since
   */
  async record(attempt: ClaimedDelivery, result: DeliveryResult): Promise<boolean> {
    const rows = await this.transactions.sql(
      `UPDATE notification_deliveries
          SET status = $5, next_attempt_at = $6, response_status = $7, error = $8
        WHERE organization_id = $1 AND id = $2 AND status = 'pending' AND attempts = $3 AND attempted_at = $4
        RETURNING id`,
      [
        attempt.organizationId,
        attempt.id,
        attempt.attempts,
        attempt.attemptedAt,
        result.status,
        result.nextAttemptAt,
        result.responseStatus,
        result.error,
      ],
    );
    return rows.length > 0;
  }

  /** In turns, one of each channel and the longest due first, so that none is hidden behind what one channel does not take. */
  async listDueAcrossTenants(now: Date, limit: number): Promise<WaitingDelivery[]> {
    return this.transactions.sql<WaitingDelivery>(
      `SELECT id, attempts FROM (
         SELECT id, attempts, next_attempt_at,
                row_number() OVER (PARTITION BY channel_id ORDER BY next_attempt_at) AS turn
           FROM notification_deliveries WHERE status = 'pending' AND next_attempt_at <= $1) due
        ORDER BY turn, next_attempt_at LIMIT $2`,
      [now, limit],
    );
  }

  /** What of a channel is due and in nobody's hands, the longest due first. */
  async listDue(
    organizationId: string,
    channelId: string,
    now: Date,
    limit: number,
  ): Promise<WaitingDelivery[]> {
    return this.transactions.sql<WaitingDelivery>(
      `SELECT id, attempts FROM notification_deliveries
        WHERE organization_id = $1 AND channel_id = $2 AND status = 'pending' AND next_attempt_at <= $3
        ORDER BY next_attempt_at LIMIT $4`,
      [organizationId, channelId, now, limit],
    );
  }

  /** Notifications of before `before` that have not become deliveries yet, the oldest first. */
  async listUndispatchedAcrossTenants(before: Date, limit: number): Promise<string[]> {
    const rows = await this.transactions.sql<{ id: string }>(
      `SELECT id FROM notifications
        WHERE dispatched_at IS NULL AND occurred_at <= $1 ORDER BY occurred_at LIMIT $2`,
      [before, limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Since when something is due that should have been dispatched or sent; `null` when nothing is. */
  async dueSinceAcrossTenants(): Promise<Date | null> {
    const [row] = await this.transactions.sql<{ since: Date | null }>(
      `SELECT least(
         (SELECT min(occurred_at) FROM notifications WHERE dispatched_at IS NULL),
         (SELECT min(next_attempt_at) FROM notification_deliveries WHERE status = 'pending')) AS since`,
    );
    return row?.since ?? null;
  }

  /**
   * Deletes deliveries of before `before` that are over, and notifications that none is left of.
   * @returns how many rows
   */
  async purgeAcrossTenants(before: Date, limit: number): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `WITH deliveries AS (
         DELETE FROM notification_deliveries WHERE status <> 'pending' AND id IN
           (SELECT id FROM notification_deliveries
             WHERE status <> 'pending' AND created_at <= $1 LIMIT $2)
         RETURNING 1),
       told AS (
         DELETE FROM notifications WHERE id IN
           (SELECT id FROM notifications WHERE dispatched_at <= $1
               AND NOT EXISTS (SELECT FROM notification_deliveries WHERE notification_id = notifications.id)
             LIMIT $2)
         RETURNING 1)
       SELECT ((SELECT count(*) FROM deliveries) + (SELECT count(*) FROM told))::int AS count`,
      [before, limit],
    );
    return row?.count ?? 0;
  }
}

function toClaimed(row: ClaimedRow, attemptedAt: Date): ClaimedDelivery {
  const { id, organizationId, attempts, type, keyId, occurredAt, data, channelId } = row;
  return {
    id,
    organizationId,
    attempts,
    attemptedAt,
    notification: { id: row.notificationId, type, keyId, occurredAt, data },
    channel:
      channelId === null
        ? null
        : {
            id: channelId,
            kind: row.kind,
            address: row.address,
            status: row.status,
            sealedSecret: row.sealedSecret,
            sealedOldSecret: row.sealedOldSecret,
            oldSecretExpiresAt: row.oldSecretExpiresAt,
          },
  };
}
