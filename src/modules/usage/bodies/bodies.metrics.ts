import { Inject, Injectable } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

@Injectable()
export class BodiesMetrics {
  readonly #dropped: Counter;

  constructor(@Inject(METRICS) registry: Registry) {
    this.#dropped = new Counter({
      name: 'latchkey_request_bodies_dropped_total',
      help: 'Bodies of calls that should have been kept and were not: PostgreSQL did not take them in time.',
      registers: [registry],
    });
  }

  dropped(count: number): void {
    this.#dropped.inc(count);
  }
}
