import { Inject, Injectable } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';

import type { AppError } from '#common/errors/app-error.js';
import { BucketHistogram } from '#platform/observability/bucket-histogram.js';
import { METRICS } from '#platform/observability/metrics.js';

import type { Surface } from '../surface.js';
import type { Target } from '../upstream/provider-adapter.js';
import { type EndedCall, RouteTallies, type RouteTally } from './route-tallies.js';

const DURATION_BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const FIRST_BYTE_BUCKETS_S = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const NANOS_PER_USD = 1e9;
const ROUTE_LABELS = ['surface', 'provider', 'model'];

/**
 * Counts inference calls. A call is added to the figures of its route, which are plain numbers; Prometheus' own objects,
 * which look their labels up anew each time, get them when somebody asks for the metrics.
 */
@Injectable()
export class InferenceMetrics {
  readonly #tallies: RouteTallies;
  readonly #refusals: Counter;
  readonly #limitRefusals: Counter;

  constructor(@Inject(METRICS) private readonly registry: Registry) {
    const duration = new BucketHistogram(
      {
        name: 'latchkey_inference_duration_seconds',
        help: 'Time from the request to the last byte of the answer.',
        buckets: DURATION_BUCKETS_S,
      },
      registry,
    );
    const firstByte = new BucketHistogram(
      {
        name: 'latchkey_inference_time_to_first_byte_seconds',
        help: 'Time from the request to the first byte of the provider’s answer.',
        buckets: FIRST_BYTE_BUCKETS_S,
      },
      registry,
    );
    this.#tallies = new RouteTallies({ duration, firstByte });
    this.#showCalls();
    this.#showUse();
    this.#showUpstreams();
    const registers = [registry];
    this.#refusals = new Counter({
      name: 'latchkey_inference_refusals_total',
      help: 'Calls of known keys that went to no provider, by the code of the refusal.',
      labelNames: ['code'],
      registers,
    });
    this.#limitRefusals = new Counter({
      name: 'latchkey_inference_limit_refusals_total',
      help: 'Calls that were refused for want of an allowance, by its metric and window.',
      labelNames: ['code', 'metric', 'window'],
      registers,
    });
  }

  /** A call that was routed has ended. */
  observe(surface: Surface, target: Target, call: EndedCall): void {
    this.#tallies.of(surface, target).add(call);
  }

  refused({ code, details }: AppError): void {
    this.#refusals.inc({ code });
    // Where a limit is the reason, it is told to the client as well.
    const { limit } = (details ?? {}) as { limit?: { metric: string; window: string } };
    if (limit) this.#limitRefusals.inc({ code, metric: limit.metric, window: limit.window });
  }

  #showCalls(): void {
    this.#show(
      'latchkey_inference_requests_total',
      'Inference calls that were routed, by the class of the status that the client got.',
      [...ROUTE_LABELS, 'status_class'],
      ({ byClass, labels }, counter) => {
        byClass.forEach((calls, ofClass) => {
          if (calls > 0) counter.inc({ ...labels, status_class: `${ofClass}xx` }, calls);
        });
      },
    );
  }

  #showUse(): void {
    this.#show(
      'latchkey_inference_tokens_total',
      'Tokens; those of cached_input are in input as well, and those of reasoning in output.',
      [...ROUTE_LABELS, 'type'],
      ({ tokens, labels }, counter) => {
        for (const [type, count] of Object.entries(tokens)) counter.inc({ ...labels, type }, count);
      },
    );
    this.#show(
      'latchkey_inference_cost_usd_total',
      'What inference cost by the prices of the routes, in US dollars.',
      ROUTE_LABELS,
      ({ costNanos, labels }, counter) => counter.inc({ ...labels }, costNanos / NANOS_PER_USD),
    );
  }

  #showUpstreams(): void {
    this.#show(
      'latchkey_upstream_calls_total',
      'Calls to providers by how they ended; aborted: the client left.',
      ['provider', 'outcome'],
      ({ byOutcome, labels: { provider } }, counter) => {
        for (const [outcome, calls] of Object.entries(byOutcome)) {
          counter.inc({ provider, outcome }, calls);
        }
      },
    );
    this.#show(
      'latchkey_upstream_failures_total',
      'Failed calls to providers by the status that the client got for them.',
      ['provider', 'status'],
      ({ failures, labels: { provider } }, counter) => {
        for (const [status, calls] of failures) counter.inc({ provider, status }, calls);
      },
    );
  }

  /** A counter that is the sum of what `add` finds in each tally. */
  #show(
    name: string,
    help: string,
    labelNames: string[],
    add: (tally: RouteTally, counter: Counter) => void,
  ): void {
    const tallies = this.#tallies;
    new Counter({
      name,
      help,
      labelNames,
      registers: [this.registry],
      collect() {
        this.reset();
        for (const tally of tallies.all) add(tally, this);
      },
    });
  }
}
