import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { WebhookRepository } from '../webhooks/webhook.repository.js';
import { DeliveryQueue } from './delivery-queue.js';
import { DeliveryRepository } from './delivery.repository.js';
import { DispatchNotificationService } from './dispatch-notification.service.js';

/** Until then it is on its usual way. */
const USUALLY_DISPATCHED_WITHIN_MS = 5_000;
const RETENTION_MS = 30 * 24 * 3_600_000;

/** Finds what was lost on its way: a job that was never published, a worker that died. */
@Injectable()
export class SweepNotificationsService {
  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly dispatcher: DispatchNotificationService,
    private readonly queue: DeliveryQueue,
    private readonly webhooks: WebhookRepository,
    private readonly clock: Clock,
  ) {}

  async sweep(maxRecords: number, signal: AbortSignal): Promise<void> {
    const now = this.clock.now();
    const before = new Date(now - USUALLY_DISPATCHED_WITHIN_MS);
    for (const id of await this.deliveries.listUndispatchedAcrossTenants(before, maxRecords)) {
      if (signal.aborted) return;
      await this.dispatcher.dispatch(id);
    }
    for (const delivery of await this.deliveries.listDueAcrossTenants(new Date(now), maxRecords)) {
      if (signal.aborted) return;
      await this.queue.wake(delivery);
    }
  }

  /**
   * Deletes what is over and no longer kept: deliveries, notifications, and secrets that were rotated away.
   * @returns how many rows
   */
  async purge(maxRecords: number): Promise<number> {
    const now = this.clock.now();
    const forgotten = await this.webhooks.forgetOldSecretsAcrossTenants(new Date(now), maxRecords);
    const before = new Date(now - RETENTION_MS);
    return forgotten + (await this.deliveries.purgeAcrossTenants(before, maxRecords));
  }
}
