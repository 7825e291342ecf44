import { Registry } from 'prom-client';

import type { Clock } from '#common/time/clock.js';
import {
  type Counted,
  type Hits,
  ThrottleStore,
} from '#platform/http/throttle/throttle-store.port.js';
import { Throttles } from '#platform/http/throttle/throttles.js';
import { createLogger } from '#platform/observability/logger.js';

type Counter = { total: number; endsAt: number };

/** Counts as the shared stores do, and does as it is told. */
export class MemoryThrottleStore extends ThrottleStore {
  readonly asked: (readonly Hits[])[] = [];
  readonly counters = new Map<string, Counter>();
  /** Resolves when the store answers, or rejects: then it has not counted. */
  answers: () => Promise<unknown> = () => Promise.resolve();

  constructor(private readonly clock: Clock) {
    super();
  }

  override async add(hits: readonly Hits[]): Promise<readonly Counted[]> {
    this.asked.push(hits);
    await this.answers();
    return hits.map((one) => this.#add(one));
  }

  override close(): Promise<void> {
    return Promise.resolve();
  }

  #add({ counter, hits, windowMs }: Hits): Counted {
    const now = this.clock.now();
    const known = this.counters.get(counter);
    const current = known && known.endsAt > now ? known : { total: 0, endsAt: now + windowMs };
    current.total = Math.max(0, current.total + hits);
    this.counters.set(counter, current);
    return { total: current.total, endsInMs: current.endsAt - now };
  }
}

/** Throttles of one process. */
export function throttlesOn(store: ThrottleStore, clock: Clock): Throttles {
  return new Throttles(store, clock, createLogger('silent'), new Registry());
}
