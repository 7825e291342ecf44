import { Inject, Injectable } from '@nestjs/common';
import { Gauge, type Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

import { RunningCalls } from '../running-calls.service.js';

/** Shows how many calls each provider is at work on; counted when metrics are asked for. */
@Injectable()
export class RunningCallsMetrics {
  constructor(running: RunningCalls, @Inject(METRICS) registry: Registry) {
    new Gauge({
      name: 'latchkey_upstream_calls_in_flight',
      help: 'Calls that a provider is at work on.',
      labelNames: ['provider'],
      registers: [registry],
      collect() {
        this.reset();
        for (const provider of running.providers) this.inc({ provider });
      },
    });
  }
}
