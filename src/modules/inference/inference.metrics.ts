import { Inject, Injectable } from '@nestjs/common';
import { Counter, Histogram, type Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

const LATENCY_BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const MAX_PENDING = 1_024;

/** What happened since the figures were last handed on. */
type Pending = {
  /** Calls by status. */
  readonly requests: Map<number, number>;
  readonly latenciesMs: Float64Array;
  latencyCount: number;
};

/**
 * Counts of inference calls by surface and status, and how long they took. Prometheus' own objects look their labels up
 * anew for every observation, so they get theirs in batches: when somebody asks for the metrics, or a batch is full.
 */
@Injectable()
export class InferenceMetrics {
  readonly #requests: Counter;
  readonly #latency: Histogram;
  readonly #pending = new Map<string, Pending>();

  constructor(@Inject(METRICS) registry: Registry) {
    const registers = [registry];
    const collect = (): void => this.#handOn();
    this.#requests = new Counter({
      name: 'latchkey_inference_requests_total',
      help: 'Inference calls that reached a provider, by surface and the status the client got.',
      labelNames: ['surface', 'status'],
      registers,
      collect,
    });
    this.#latency = new Histogram({
      name: 'latchkey_inference_duration_seconds',
      help: 'Time from the request to the last byte of the answer, by surface.',
      labelNames: ['surface'],
      buckets: LATENCY_BUCKETS_S,
      registers,
      collect,
    });
  }

  observe(surface: string, status: number, latencyMs: number): void {
    let pending = this.#pending.get(surface);
    if (!pending) {
      pending = {
        requests: new Map(),
        latenciesMs: new Float64Array(MAX_PENDING),
        latencyCount: 0,
      };
      this.#pending.set(surface, pending);
    }
    pending.requests.set(status, (pending.requests.get(status) ?? 0) + 1);
    pending.latenciesMs[pending.latencyCount++] = latencyMs;
    if (pending.latencyCount === MAX_PENDING) this.#handOn();
  }

  #handOn(): void {
    for (const [surface, pending] of this.#pending) {
      for (const [status, calls] of pending.requests)
        this.#requests.inc({ surface, status }, calls);
      const latency = this.#latency.labels({ surface });
      for (const ms of pending.latenciesMs.subarray(0, pending.latencyCount)) {
        latency.observe(ms / 1_000);
      }
      pending.requests.clear();
      pending.latencyCount = 0;
    }
  }
}
