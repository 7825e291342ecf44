import { Inject, Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

@Injectable()
export class CheckpointMetrics {
  readonly #published: Counter<'sink' | 'outcome'>;

  constructor(@Inject(METRICS) registry: Registry) {
    this.#published = new Counter({
      name: 'latchkey_audit_checkpoints_published_total',
      help: 'Checkpoints of the audit log that were taken to a place outside of the database, by what came of it.',
      labelNames: ['sink', 'outcome'],
      registers: [registry],
    });
  }

  published(sink: 'file' | 'url' | 's3', outcome: 'delivered' | 'failed'): void {
    this.#published.inc({ sink, outcome });
  }
}
