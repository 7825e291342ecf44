import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { DeliveryQueue } from '../dispatch/delivery-queue.js';
import { DeliveryLogRepository, type DeliveryPlace } from './delivery-log.repository.js';
import type { ListDeliveriesQuery } from './dto/webhook.dto.js';
import type { DeliveryResponse } from './dto/webhook.responses.js';
import { ReadWebhooksService } from './read-webhooks.service.js';
import { viewDelivery } from './webhook.view.js';

@Injectable()
export class WebhookDeliveriesService {
  constructor(
    private readonly readWebhooks: ReadWebhooksService,
    private readonly deliveries: DeliveryLogRepository,
    private readonly queue: DeliveryQueue,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** @throws {AppError} `not_found` */
  async list(
    caller: Principal,
    webhookId: string,
    { status, limit, cursor }: ListDeliveriesQuery,
  ): Promise<Page<DeliveryResponse>> {
    const { organizationId } = await this.readWebhooks.get(caller, webhookId);
    const page = { after: decodeCursor(cursor), limit };
    const rows = await this.deliveries.list(organizationId, webhookId, status, page);
    return toPage(rows, limit, viewDelivery);
  }

  /**
   * Sends a delivery that is over once more, with the same id and, where that fails, with as many attempts as a new one.
   * @throws {AppError} `not_found`; `conflict` while it is still tried, and where the webhook is disabled
   */
  async replay(caller: Principal, webhookId: string, id: string): Promise<DeliveryResponse> {
    const { organizationId, status } = await this.readWebhooks.get(caller, webhookId);
    if (status === 'disabled') {
      throw new AppError('conflict', { message: `The webhook ${webhookId} is disabled.` });
    }
    const place = { organizationId, channelId: webhookId, id };
    const delivery = await this.transactions.run(() => this.#restart(place));
    await this.queue.wake({ id, attempts: 0 });
    return delivery;
  }

  async #restart(place: DeliveryPlace): Promise<DeliveryResponse> {
    const isRestarted = await this.deliveries.restart(place, new Date(this.clock.now()));
    const delivery = await this.deliveries.find(place);
    if (!delivery) {
      throw new AppError('not_found', { message: `There is no delivery ${place.id}.` });
    }
    if (!isRestarted) {
      throw new AppError('conflict', { message: `The delivery ${place.id} is still tried.` });
    }
    await this.trail.append({
      organizationId: place.organizationId,
      action: 'delivery.replayed',
      target: { type: 'delivery', id: place.id },
      details: { webhook_id: place.channelId, event_id: delivery.notificationId },
    });
    return viewDelivery(delivery);
  }
}
