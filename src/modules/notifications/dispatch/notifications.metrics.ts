import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry } from 'prom-client';

import { Clock } from '#common/time/clock.js';
import { within } from '#common/time/within.js';
import { type Logger, LOGGER } from '#platform/observability/logger.js';
import { METRICS } from '#platform/observability/metrics.js';

import type { ChannelKind } from '../key-channels.port.js';
import { DeliveryRepository } from './delivery.repository.js';

/** Metrics must be there when PostgreSQL is not. */
const MAX_READ_MS = 1_000;

@Injectable()
export class NotificationsMetrics {
  readonly #attempts: Counter;

  constructor(
    private readonly deliveries: DeliveryRepository,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) registry: Registry,
  ) {
    const registers = [registry];
    const readOverdue = (): Promise<number | null> => this.#overdueSeconds();
    this.#attempts = new Counter({
      name: 'latchkey_notification_attempts_total',
      help: 'Attempts to send a notification, by channel and by what became of its delivery.',
      labelNames: ['kind', 'outcome'],
      registers,
    });
    new Gauge({
      name: 'latchkey_notifications_overdue_seconds',
      help: 'How long what is due first waits for a worker; absent while PostgreSQL does not tell.',
      registers,
      async collect() {
        const seconds = await readOverdue();
        if (seconds === null) this.remove();
        else this.set(seconds);
      },
    });
  }

  attempted(kind: ChannelKind | 'none', status: 'pending' | 'delivered' | 'failed'): void {
    this.#attempts.inc({ kind, outcome: status === 'pending' ? 'retrying' : status });
  }

  async #overdueSeconds(): Promise<number | null> {
    try {
      const reading = this.deliveries.dueSinceAcrossTenants();
      const since = await within(MAX_READ_MS, reading, 'PostgreSQL did not answer in time.');
      return since ? Math.max(0, this.clock.now() - since.getTime()) / 1_000 : 0;
    } catch (error) {
      this.logger.warn({ err: error }, 'How long notifications wait is not known');
      return null;
    }
  }
}
