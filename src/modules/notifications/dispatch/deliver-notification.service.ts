import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { ChannelSender } from './channel-sender.js';
import { DeliveryRepository } from './delivery.repository.js';
import { RecordDeliveryService } from './record-delivery.service.js';

/**
 * For so long a claim may take: the lease runs since it was asked for, and what is left of it must be enough for the slowest
 * attempt (45 s for a mail), or somebody else sends the same meanwhile.
 */
const MAX_CLAIM_MS = 10_000;

/**
 * Makes one attempt to send a delivery. At least once: what a worker has sent and could not write down any more is sent
 * again when its lease is over, with the same id.
 */
@Injectable()
export class DeliverNotificationService {
  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly sender: ChannelSender,
    private readonly recorder: RecordDeliveryService,
    private readonly clock: Clock,
  ) {}

  /** Does nothing where the delivery is over, not due, or somebody else’s just now. */
  async attempt(id: string): Promise<void> {
    const claimed = await this.deliveries.claimAcrossTenants(id, new Date(this.clock.now()));
    if (!claimed) return;
    if (this.clock.now() - claimed.attemptedAt.getTime() > MAX_CLAIM_MS) {
      await this.deliveries.release(claimed);
      return;
    }
    await this.recorder.record(claimed, await this.sender.send(claimed));
  }
}
