import { Injectable } from '@nestjs/common';

import type { SendOutcome } from '../outgoing-message.js';
import { WebhookSender } from '../webhooks/webhook-sender.js';
import type { ClaimedDelivery } from './delivery.repository.js';

/** Sends a delivery by whatever its channel is. */
@Injectable()
export class ChannelSender {
  constructor(private readonly webhooks: WebhookSender) {}

  async send({ channel, notification }: ClaimedDelivery): Promise<SendOutcome> {
    if (!channel) return finalFailure('the channel was deleted');
    if (channel.status === 'disabled') return finalFailure('the channel is disabled');
    switch (channel.kind) {
      case 'webhook':
        return this.webhooks.send(channel, notification);
      case 'email':
        return finalFailure('mail is not configured');
    }
  }
}

function finalFailure(error: string): SendOutcome {
  return { isSent: false, status: null, error, retryAfterMs: null, isFinal: true };
}
