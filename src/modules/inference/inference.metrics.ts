import { Injectable } from '@nestjs/common';
import { Counter, Histogram, type Registry } from 'prom-client';

import { Inject } from '@nestjs/common';
import { METRICS } from '#platform/observability/metrics.js';

const LATENCY_BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

type Series = { readonly requests: Counter.Internal; readonly latency: Histogram.Internal<string> };

/** Counts of inference calls by surface and status, and how long they took. */
@Injectable()
export class InferenceMetrics {
  readonly #requests: Counter;
  readonly #latency: Histogram;
  readonly #series = new Map<string, Series>();

  constructor(@Inject(METRICS) registry: Registry) {
    this.#requests = new Counter({
      name: 'latchkey_inference_requests_total',
      help: 'Inference calls that reached a provider, by surface and the status the client got.',
      labelNames: ['surface', 'status'],
      registers: [registry],
    });
    this.#latency = new Histogram({
      name: 'latchkey_inference_duration_seconds',
      help: 'Time from the request to the last byte of the answer, by surface.',
      labelNames: ['surface'],
      buckets: LATENCY_BUCKETS_S,
      registers: [registry],
    });
  }

  observe(surface: string, status: number, latencyMs: number): void {
    const name = `${surface} ${status}`;
    let series = this.#series.get(name);
    if (!series) {
      series = {
        requests: this.#requests.labels({ surface, status }),
        latency: this.#latency.labels({ surface }),
      };
      this.#series.set(name, series);
    }
    series.requests.inc();
    series.latency.observe(latencyMs / 1000);
  }
}
