import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, type Registry } from 'prom-client';

import { METRICS } from '#platform/observability/metrics.js';

/** How often the store of limits is asked, and whether it answers. */
@Injectable()
export class LimitsMetrics {
  readonly #exchanges: Counter;
  readonly #alerts: Counter;
  readonly #isAway: Gauge;
  readonly #away = new Set<string>();

  constructor(@Inject(METRICS) registry: Registry) {
    const registers = [registry];
    this.#exchanges = new Counter({
      name: 'latchkey_limits_store_exchanges_total',
      help: 'Round trips to the stores of limits.',
      registers,
    });
    this.#alerts = new Counter({
      name: 'latchkey_limits_reached_total',
      help: 'Limits that have reached the share at which somebody is told, or their end, once in each window.',
      labelNames: ['reached'],
      registers,
    });
    this.#isAway = new Gauge({
      name: 'latchkey_limits_store_away',
      help: '1 while a store of limits does not answer. Without PostgreSQL budgets are refused.',
      labelNames: ['store'],
      registers,
    });
  }

  exchanged(): void {
    this.#exchanges.inc();
  }

  alerted(reached: 'threshold' | 'limit'): void {
    this.#alerts.inc({ reached });
  }

  /**
   * @param store its name
   * @returns whether that is news
   */
  storeIsAway(store: string, isAway: boolean): boolean {
    const isNews = isAway !== this.#away.has(store);
    if (isAway) this.#away.add(store);
    else this.#away.delete(store);
    this.#isAway.set({ store }, isAway ? 1 : 0);
    return isNews;
  }
}
