import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import type { WebhookTestResponse } from './dto/webhook.responses.js';
import { ReadWebhooksService } from './read-webhooks.service.js';
import { WebhookSender } from './webhook-sender.js';

@Injectable()
export class TestWebhookService {
  constructor(
    private readonly readWebhooks: ReadWebhooksService,
    private readonly sender: WebhookSender,
    private readonly trail: AuditTrail,
    private readonly clock: Clock,
  ) {}

  /**
   * Sends one message at once, whatever events the webhook is for and whether it is active. It is not tried again and
   * counts for nothing.
   * @throws {AppError} `not_found`
   */
  async test(caller: Principal, id: string): Promise<WebhookTestResponse> {
    const webhook = await this.readWebhooks.get(caller, id);
    const message = {
      id: newId('message'),
      type: 'webhook.test',
      occurredAt: new Date(this.clock.now()),
      data: { webhook_id: id },
    };
    // Before anything is sent: how it was answered changes nothing.
    await this.trail.append({
      organizationId: webhook.organizationId,
      action: 'webhook.tested',
      target: { type: 'webhook', id },
      keyId: webhook.keyId,
      details: { event_id: message.id },
    });
    const startedAt = performance.now();
    const outcome = await this.sender.send(webhook, message);
    return {
      delivered: outcome.isSent,
      response_status: outcome.status,
      latency_ms: Math.round(performance.now() - startedAt),
      error: outcome.isSent ? null : outcome.error,
    };
  }
}
