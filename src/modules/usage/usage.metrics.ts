import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

import { UsagePipelineStats } from './usage-pipeline-stats.port.js';

/** Shows the way of usage records from the calls to PostgreSQL; read from the pipeline when metrics are asked for. */
@Injectable()
export class UsageMetrics {
  constructor(stats: UsagePipelineStats, @Inject(METRICS) registry: Registry) {
    const registers = [registry];
    new Counter({
      name: 'latchkey_usage_records_total',
      help: 'Usage records by what became of them. Anything in corrupt or rejected needs an operator.',
      labelNames: ['state'],
      registers,
      collect() {
        this.reset();
        for (const state of [
          'appended',
          'shipped',
          'duplicates',
          'corrupt',
          'torn',
          'rejected',
        ] as const) {
          this.inc({ state }, stats[state]);
        }
      },
    });
    new Gauge({
      name: 'latchkey_usage_unshipped_bytes',
      help: 'Usage that is on the disk of this instance and not in PostgreSQL yet.',
      registers,
      collect() {
        this.set(stats.unshippedBytes);
      },
    });
    new Gauge({
      name: 'latchkey_usage_oldest_unshipped_seconds',
      help: 'How long the oldest usage record waits for PostgreSQL.',
      registers,
      collect() {
        this.set(stats.oldestUnshippedAgeMs / 1000);
      },
    });
  }
}
