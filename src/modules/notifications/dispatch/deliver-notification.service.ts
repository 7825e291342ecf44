import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { ChannelSender } from './channel-sender.js';
import { DeliveryRepository } from './delivery.repository.js';
import { RecordDeliveryService } from './record-delivery.service.js';

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
    if (claimed) await this.recorder.record(claimed, await this.sender.send(claimed));
  }
}
