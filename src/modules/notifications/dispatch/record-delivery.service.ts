import { Injectable } from '@nestjs/common';
import { randomInt } from 'node:crypto';

import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { SendOutcome } from '../outgoing-message.js';
import { WebhookHealth } from '../webhooks/webhook-health.js';
import { DeliveryQueue } from './delivery-queue.js';
import { type ClaimedDelivery, DeliveryRepository } from './delivery.repository.js';
import { delayAfter } from './delivery-schedule.js';
import { NotificationsMetrics } from './notifications.metrics.js';

const RANDOM_STEPS = 1_000;
/** Of a channel that takes messages again. What else of it is due the sweep finds. */
const MAX_WOKEN = 1_000;

/** What follows from an attempt: it is delivered, tried again later, or given up. */
@Injectable()
export class RecordDeliveryService {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly deliveries: DeliveryRepository,
    private readonly health: WebhookHealth,
    private readonly queue: DeliveryQueue,
    private readonly metrics: NotificationsMetrics,
    private readonly clock: Clock,
  ) {}

  async record(claimed: ClaimedDelivery, outcome: SendOutcome): Promise<void> {
    const now = this.clock.now();
    const delayMs = delayUntilNext(claimed.attempts, outcome);
    const status = outcome.isSent ? 'delivered' : delayMs === null ? 'failed' : 'pending';
    const { isRecorded, isBack } = await this.transactions.run(async () => {
      const isOurs = await this.deliveries.record(claimed, {
        status,
        nextAttemptAt: delayMs === null ? null : new Date(now + delayMs),
        responseStatus: outcome.status,
        error: outcome.isSent ? null : outcome.error,
      });
      const { organizationId, channel } = claimed;
      const isNoted = isOurs && channel?.kind === 'webhook';
      return {
        isRecorded: isOurs,
        isBack:
          isNoted && (await this.health.note(organizationId, channel.id, outcome, new Date(now))),
      };
    });
    if (!isRecorded) return;
    this.metrics.attempted(claimed.channel?.kind ?? 'none', status);
    if (delayMs !== null) await this.queue.wake(claimed, delayMs);
    if (isBack && claimed.channel)
      await this.#wakeWaiting(claimed.organizationId, claimed.channel.id);
  }

  /** While it was sent one at a time, the jobs of the others found nothing to do and are used up. */
  async #wakeWaiting(organizationId: string, channelId: string): Promise<void> {
    const now = new Date(this.clock.now());
    const due = await this.deliveries.listDue(organizationId, channelId, now, MAX_WOKEN);
    for (const delivery of due) await this.queue.wake(delivery);
  }
}

function delayUntilNext(attempts: number, outcome: SendOutcome): number | null {
  if (outcome.isSent || outcome.isFinal) return null;
  return delayAfter(attempts, outcome.retryAfterMs, randomInt(RANDOM_STEPS) / RANDOM_STEPS);
}
