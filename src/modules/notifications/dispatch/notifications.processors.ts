import { type JobHandler, JobProcessor } from '#platform/queue/job-processor.decorator.js';

import { DeliverNotificationService } from './deliver-notification.service.js';
import { DispatchNotificationService } from './dispatch-notification.service.js';
import type {
  DispatchNotificationJob,
  PurgeNotificationsJob,
  SendDeliveryJob,
  SweepNotificationsJob,
} from './notifications.jobs.js';
import { SweepNotificationsService } from './sweep-notifications.service.js';

const SWEEP_EVERY_MS = 10_000;
/** So that one run ends. */
const MAX_PURGES = 100;

/** Idempotent: a notification is dispatched once, in one transaction. */
@JobProcessor('notifications.dispatch')
export class DispatchNotificationProcessor implements JobHandler<DispatchNotificationJob> {
  constructor(private readonly dispatcher: DispatchNotificationService) {}

  process({ id }: DispatchNotificationJob): Promise<void> {
    return this.dispatcher.dispatch(id);
  }
}

/** Idempotent: who claims a delivery first makes the attempt; a job too many finds nothing due. */
@JobProcessor('deliveries.send')
export class SendDeliveryProcessor implements JobHandler<SendDeliveryJob> {
  constructor(private readonly deliverer: DeliverNotificationService) {}

  process({ id }: SendDeliveryJob): Promise<void> {
    return this.deliverer.attempt(id);
  }
}

/** Idempotent: what it finds it hands to the two above. */
@JobProcessor('notifications.sweep', { schedule: { everyMs: SWEEP_EVERY_MS } })
export class SweepNotificationsProcessor implements JobHandler<SweepNotificationsJob> {
  constructor(private readonly sweeper: SweepNotificationsService) {}

  process({ maxRecords }: SweepNotificationsJob, signal: AbortSignal): Promise<void> {
    return this.sweeper.sweep(maxRecords, signal);
  }
}

/** Idempotent: what is gone is gone. */
@JobProcessor('notifications.purge', { schedule: { pattern: '23 * * * *' } })
export class PurgeNotificationsProcessor implements JobHandler<PurgeNotificationsJob> {
  constructor(private readonly sweeper: SweepNotificationsService) {}

  async process({ maxRecords }: PurgeNotificationsJob, signal: AbortSignal): Promise<void> {
    for (let done = 0; done < MAX_PURGES && !signal.aborted; done++) {
      if ((await this.sweeper.purge(maxRecords)) === 0) return;
    }
  }
}
