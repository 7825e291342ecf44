import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { DeliveryStatus } from './dto/webhook.dto.js';

export type DeliveryLogRow = {
  readonly id: string;
  readonly notificationId: string;
  readonly type: string;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly createdAt: Date;
  readonly attemptedAt: Date | null;
  readonly nextAttemptAt: Date | null;
};

/** One of a webhook’s deliveries. */
export type DeliveryPlace = {
  readonly organizationId: string;
  readonly channelId: string;
  readonly id: string;
};

const COLUMNS = `sent.id, sent.notification_id AS "notificationId", told.type, sent.status, sent.attempts,
  sent.response_status AS "responseStatus", sent.error, sent.created_at AS "createdAt",
  sent.attempted_at AS "attemptedAt", sent.next_attempt_at AS "nextAttemptAt"`;
const TOLD = `notifications told
  ON told.organization_id = sent.organization_id AND told.id = sent.notification_id`;

/** What was sent to a webhook, for people to read and to send again. */
@Injectable()
export class DeliveryLogRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    channelId: string,
    status: DeliveryStatus | undefined,
    { after, limit }: { readonly after: CursorPosition | null; readonly limit: number },
  ): Promise<DeliveryLogRow[]> {
    return this.transactions.sql<DeliveryLogRow>(
      `SELECT ${COLUMNS} FROM notification_deliveries sent JOIN ${TOLD}
        WHERE sent.organization_id = $1 AND sent.channel_id = $2 AND ($3::text IS NULL OR sent.status = $3)
          AND ($4::timestamptz IS NULL OR (sent.created_at, sent.id) < ($4, $5))
        ORDER BY sent.created_at DESC, sent.id DESC LIMIT $6`,
      [
        organizationId,
        channelId,
        status ?? null,
        after?.createdAt ?? null,
        after?.id ?? null,
        limit + 1,
      ],
    );
  }

  async find({ organizationId, channelId, id }: DeliveryPlace): Promise<DeliveryLogRow | null> {
    const [row] = await this.transactions.sql<DeliveryLogRow>(
      `SELECT ${COLUMNS} FROM notification_deliveries sent JOIN ${TOLD}
        WHERE sent.organization_id = $1 AND sent.channel_id = $2 AND sent.id = $3`,
      [organizationId, channelId, id],
    );
    return row ?? null;
  }

  /**
   * Makes a delivery that is over begin anew.
   * @returns whether it was over
   */
  async restart({ organizationId, channelId, id }: DeliveryPlace, now: Date): Promise<boolean> {
    const rows = await this.transactions.sql(
      `UPDATE notification_deliveries
          SET status = 'pending', attempts = 0, next_attempt_at = $4, response_status = NULL, error = NULL
        WHERE organization_id = $1 AND channel_id = $2 AND id = $3 AND status <> 'pending'
        RETURNING id`,
      [organizationId, channelId, id, now],
    );
    return rows.length > 0;
  }
}
