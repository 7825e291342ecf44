import { Inject, Injectable } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';

import type { LeakOutcome } from '#modules/keys/index.js';
import { METRICS } from '#platform/observability/metrics.js';

@Injectable()
export class LeaksMetrics {
  readonly #reports: Counter;

  constructor(@Inject(METRICS) registry: Registry) {
    this.#reports = new Counter({
      name: 'latchkey_leaked_keys_total',
      help: 'Keys that were reported as leaked, by who reported them and what was done.',
      labelNames: ['reporter', 'outcome'],
      registers: [registry],
    });
  }

  count(reporter: 'github' | 'scanner', outcomes: readonly LeakOutcome[]): void {
    for (const outcome of outcomes) this.#reports.inc({ reporter, outcome });
  }
}
