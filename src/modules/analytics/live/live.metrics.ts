import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

import type { Closing } from './close-codes.js';
import { Listeners } from './listeners.js';

@Injectable()
export class LiveMetrics {
  readonly #ended: Counter;

  constructor(listeners: Listeners, @Inject(METRICS) registry: Registry) {
    const registers = [registry];
    new Gauge({
      name: 'latchkey_usage_streams',
      help: 'Live streams of usage that are open on this instance.',
      registers,
      collect() {
        this.set(listeners.count);
      },
    });
    this.#ended = new Counter({
      name: 'latchkey_usage_streams_ended_total',
      help: 'Live streams of usage that have ended, by why: left is the client’s own doing.',
      labelNames: ['reason'],
      registers,
    });
  }

  ended(closing: Closing | null): void {
    this.#ended.inc({ reason: closing?.reason ?? 'left' });
  }
}
