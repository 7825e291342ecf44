import { Inject, Injectable } from '@nestjs/common';

import { Actors, jobActor } from '#platform/audit-trail/actor.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';

import type { SendOutcome } from '../outgoing-message.js';

const GONE = 410;
/** A webhook that has answered nothing but failures for that long is disabled. */
const MAX_FAILING_MS = 5 * 24 * 3_600_000;
/**
 * A webhook that has failed so often, without a success in between, has its deliveries sent one at a time. One that
 * answers every second message so hardly ever gets there; one that hangs does in the time of a single attempt.
 */
export const SLOWED_AFTER_FAILURES = 10;

/** How webhooks have answered of late. One that says it is gone, or has taken nothing for days, is not called any more. */
@Injectable()
export class WebhookHealth {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly trail: AuditTrail,
    private readonly actors: Actors,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Within the transaction that writes down how a delivery went. One that is disabled stays as it is.
   * @returns whether it takes messages again, after so many failures that it was sent one at a time
   */
  async note(
    organizationId: string,
    id: string,
    outcome: SendOutcome,
    now: Date,
  ): Promise<boolean> {
    if (outcome.isSent) return this.#succeeded(organizationId, id);
    if (outcome.status === GONE) {
      await this.#disable(organizationId, id, 'It answered 410 Gone.');
    } else if (await this.#hasFailedTooLong(organizationId, id, now)) {
      await this.#disable(organizationId, id, 'It has failed for 5 days.');
    }
    return false;
  }

  /** Does not wait for others that write down how they went just now: many do, and one success counts as well as several. */
  async #succeeded(organizationId: string, id: string): Promise<boolean> {
    const [row] = await this.transactions.sql<{ failures: number }>(
      `UPDATE notification_channels channel SET failing_since = NULL, consecutive_failures = 0
         FROM (SELECT consecutive_failures FROM notification_channels
                WHERE organization_id = $1 AND id = $2 AND failing_since IS NOT NULL FOR UPDATE SKIP LOCKED) was
        WHERE channel.organization_id = $1 AND channel.id = $2
        RETURNING was.consecutive_failures AS failures`,
      [organizationId, id],
    );
    return row !== undefined && row.failures >= SLOWED_AFTER_FAILURES;
  }

  async #hasFailedTooLong(organizationId: string, id: string, now: Date): Promise<boolean> {
    const [row] = await this.transactions.sql<{ since: Date }>(
      `UPDATE notification_channels
          SET failing_since = coalesce(failing_since, $3), consecutive_failures = consecutive_failures + 1
        WHERE organization_id = $1 AND id = $2 AND status = 'active' RETURNING failing_since AS since`,
      [organizationId, id, now],
    );
    return row !== undefined && now.getTime() - row.since.getTime() >= MAX_FAILING_MS;
  }

  async #disable(organizationId: string, id: string, reason: string): Promise<void> {
    const [row] = await this.transactions.sql<{ keyId: string | null }>(
      `UPDATE notification_channels SET status = 'disabled', status_reason = $3
        WHERE organization_id = $1 AND id = $2 AND status = 'active' RETURNING key_id AS "keyId"`,
      [organizationId, id, reason],
    );
    if (!row) return;
    // Only now: the job that calls waits for the receiver most of its time, and changes nothing else.
    await this.actors.act(jobActor('deliveries.send'), () =>
      this.trail.append({
        organizationId,
        action: 'webhook.disabled',
        target: { type: 'webhook', id },
        keyId: row.keyId,
        before: { status: 'active', status_reason: null },
        after: { status: 'disabled', status_reason: reason },
        reason,
      }),
    );
    this.logger.warn({ webhook: id, reason }, 'A webhook is disabled');
  }
}
