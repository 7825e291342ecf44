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
    const isRecorded = await this.transactions.run(async () => {
      const isOurs = await this.deliveries.record(claimed, {
        status,
        nextAttemptAt: delayMs === null ? null : new Date(now + delayMs),
        responseStatus: outcome.status,
        error: outcome.isSent ? null : outcome.error,
      });
      const { organizationId, channel } = claimed;
      if (isOurs && channel?.kind === 'webhook') {
        await this.health.note(organizationId, channel.id, outcome, new Date(now));
      }
      return isOurs;
    });
    if (!isRecorded) return;
    this.metrics.attempted(claimed.channel?.kind ?? 'none', status);
    if (delayMs !== null) await this.queue.wake(claimed, delayMs);
  }
}

function delayUntilNext(attempts: number, outcome: SendOutcome): number | null {
  if (outcome.isSent || outcome.isFinal) return null;
  return delayAfter(attempts, outcome.retryAfterMs, randomInt(RANDOM_STEPS) / RANDOM_STEPS);
}
