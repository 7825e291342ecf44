import { Inject, Injectable } from '@nestjs/common';

import { type Logger, LOGGER } from '#platform/observability/logger.js';
import { JobPublisher } from '#platform/queue/job-publisher.js';

import './notifications.jobs.js';

/** A delivery, and how often it was tried: with that the next attempt is told from the last. */
export type WaitingDelivery = { readonly id: string; readonly attempts: number };

/** Wakes workers when there is something to send. The rows are the truth: what can't be published the sweep finds. */
@Injectable()
export class DeliveryQueue {
  constructor(
    private readonly publisher: JobPublisher,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** After the commit of what is to be sent. Never rejects. */
  async wake({ id, attempts }: WaitingDelivery, delayMs = 0): Promise<void> {
    try {
      const options = { delayMs, deduplicationId: `${id}:${attempts}` };
      await this.publisher.publish('deliveries.send', { id }, options);
    } catch (error) {
      this.logger.warn({ delivery: id, err: error }, 'A delivery waits for the next sweep');
    }
  }
}
