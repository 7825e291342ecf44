import { Injectable } from '@nestjs/common';

/** So late at most is a deadline noticed. */
const SWEEP_MS = 100;

/** Something that must be over by a time. */
export type Expirable = {
  /** On the clock of `performance.now()`. */
  readonly expiresAt: number;
  expire(): void;
};

/**
 * Watches the total time of every call with one timer. A timer for each costs more than all else that is done for it,
 * since nearly every one is cleared again unused.
 */
@Injectable()
export class Deadlines {
  readonly #watched = new Set<Expirable>();
  #timer: NodeJS.Timeout | null = null;

  watch(item: Expirable): void {
    this.#watched.add(item);
    // What is watched holds a connection open, which keeps the process alive.
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  unwatch(item: Expirable): void {
    this.#watched.delete(item);
  }

  #sweep(): void {
    const now = performance.now();
    for (const item of this.#watched) {
      if (item.expiresAt > now) continue;
      this.#watched.delete(item);
      item.expire();
    }
    if (this.#watched.size > 0 || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
