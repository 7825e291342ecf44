import { Inject, Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import type { SendOutcome } from '../outgoing-message.js';

const GONE = 410;
/** A webhook that has answered nothing but failures for that long is disabled. */
const MAX_FAILING_MS = 5 * 24 * 3_600_000;

/** How webhooks have answered of late. One that says it is gone, or has taken nothing for days, is not called any more. */
@Injectable()
export class WebhookHealth {
  constructor(
    private readonly transactions: TransactionRunner,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Within the transaction that writes down how a delivery went. One that is disabled stays as it is. */
  async note(organizationId: string, id: string, outcome: SendOutcome, now: Date): Promise<void> {
    if (outcome.isSent) {
      await this.#succeeded(organizationId, id);
    } else if (outcome.status === GONE) {
      await this.#disable(organizationId, id, 'It answered 410 Gone.');
    } else if (await this.#hasFailedTooLong(organizationId, id, now)) {
      await this.#disable(organizationId, id, 'It has failed for 5 days.');
    }
  }

  async #succeeded(organizationId: string, id: string): Promise<void> {
    await this.transactions.sql(
      `UPDATE notification_channels SET failing_since = NULL
        WHERE organization_id = $1 AND id = $2 AND failing_since IS NOT NULL`,
      [organizationId, id],
    );
  }

  async #hasFailedTooLong(organizationId: string, id: string, now: Date): Promise<boolean> {
    const [row] = await this.transactions.sql<{ since: Date }>(
      `UPDATE notification_channels SET failing_since = coalesce(failing_since, $3)
        WHERE organization_id = $1 AND id = $2 AND status = 'active' RETURNING failing_since AS since`,
      [organizationId, id, now],
    );
    return row !== undefined && now.getTime() - row.since.getTime() >= MAX_FAILING_MS;
  }

  async #disable(organizationId: string, id: string, reason: string): Promise<void> {
    const rows = await this.transactions.sql(
      `UPDATE notification_channels SET status = 'disabled', status_reason = $3
        WHERE organization_id = $1 AND id = $2 AND status = 'active' RETURNING id`,
      [organizationId, id, reason],
    );
    if (rows.length > 0) this.logger.warn({ webhook: id, reason }, 'A webhook is disabled');
  }
}
