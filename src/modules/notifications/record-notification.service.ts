import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';

import { newId } from '#common/ids/prefixed-id.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';

import './notifications.events.js';
import { type Notification, Notifier } from './notifier.port.js';

/** The outbox: a row beside the change that it tells of (Richardson, Microservices Patterns, 2018: transactional outbox). */
@Injectable()
export class RecordNotificationService extends Notifier {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async notify(notification: Notification): Promise<void> {
    const { organizationId, type, keyId, teamId = null, data, deduplicationId } = notification;
    const id = newId('message');
    await this.transactions.sql(
      `INSERT INTO notifications (id, organization_id, type, key_id, team_id, data, deduplication_id, occurred_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
       ON CONFLICT (organization_id, deduplication_id) DO NOTHING`,
      [
        id,
        organizationId,
        type,
        keyId,
        teamId,
        JSON.stringify(data),
        deduplicationId === undefined ? null : digestOf(deduplicationId),
        new Date(this.clock.now()),
      ],
    );
    this.events.emit('notifications.notification-recorded', { id });
  }
}

/** Of any length, in an index that takes a fixed one. */
function digestOf(deduplicationId: string): string {
  return createHash('sha256').update(deduplicationId).digest('base64url');
}
