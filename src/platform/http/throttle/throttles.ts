import { Inject, Injectable } from '@nestjs/common';
import { Counter, type Registry } from 'prom-client';

import { Clock } from '#common/time/clock.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';
import { METRICS } from '#platform/observability/metrics.js';

import { SharedThrottle } from './shared-throttle.js';
import { ThrottleStore } from './throttle-store.port.js';

/** Opens throttles on the store that all instances share. */
@Injectable()
export class Throttles {
  readonly #countedHere: Counter;

  constructor(
    private readonly store: ThrottleStore,
    private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) registry: Registry,
  ) {
    this.#countedHere = new Counter({
      name: 'latchkey_throttle_local_hits_total',
      help: 'Hits that this process judged by its own count, because the shared one did not answer.',
      labelNames: ['throttle'],
      registers: [registry],
    });
  }

  /** Each has its own queue: a flood of one kind of hit keeps no other waiting. */
  open(throttle: string): SharedThrottle {
    this.#countedHere.inc({ throttle }, 0);
    return new SharedThrottle(throttle, this.store, this.clock, {
      onAway: (error) =>
        this.logger.warn({ throttle, err: error }, 'Throttle: the shared count does not answer'),
      onBack: () => this.logger.info({ throttle }, 'Throttle: the shared count is back'),
      onCountedHere: () => this.#countedHere.inc({ throttle }),
    });
  }
}
