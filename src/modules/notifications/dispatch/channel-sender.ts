import { Injectable } from '@nestjs/common';

import { MailSender } from '../mail/mail-sender.js';
import type { SendOutcome } from '../outgoing-message.js';
import { WebhookSender } from '../webhooks/webhook-sender.js';
import type { ClaimedDelivery } from './delivery.repository.js';

/** Sends a delivery by whatever its channel is. */
@Injectable()
export class ChannelSender {
  constructor(
    private readonly webhooks: WebhookSender,
    private readonly mail: MailSender,
  ) {}

  async send({ organizationId, channel, notification }: ClaimedDelivery): Promise<SendOutcome> {
    if (!channel) return finalFailure('the channel was deleted');
    if (channel.status === 'disabled') return finalFailure('the channel is disabled');
    switch (channel.kind) {
      case 'webhook':
        return this.webhooks.send(channel, notification);
      case 'email':
        return this.mail.send({ ...notification, organizationId }, channel.address);
    }
  }
}

function finalFailure(error: string): SendOutcome {
  return { isSent: false, status: null, error, retryAfterMs: null, isFinal: true };
}
