import { Injectable } from '@nestjs/common';

/** So late at most is a deadline noticed. */
const SWEEP_MS = 100;

/** Something that must be over by a time. */
export abstract class Expirable {
  /** Its place among what is watched; only {@link Deadlines} writes there. */
  before: Expirable | null = null;
  after: Expirable | null = null;
  isWatched = false;

  /** @param expiresAt on the clock of `performance.now()` */
  constructor(readonly expiresAt: number) {}

  abstract expire(): void;
}

/**
 * Watches the total time of every call with one timer. A timer for each costs more than all else that is done for it,
 * since nearly every one is cleared again unused; a list through the things themselves allocates nothing.
 */
@Injectable()
export class Deadlines {
  #first: Expirable | null = null;
  #timer: NodeJS.Timeout | null = null;

  watch(item: Expirable): void {
    item.isWatched = true;
    item.after = this.#first;
    if (this.#first) this.#first.before = item;
    this.#first = item;
    // What is watched holds a connection open, which keeps the process alive.
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  unwatch(item: Expirable): void {
    if (!item.isWatched) return;
    item.isWatched = false;
    if (item.before) item.before.after = item.after;
    else this.#first = item.after;
    if (item.after) item.after.before = item.before;
    item.before = null;
    item.after = null;
  }

  #sweep(): void {
    const now = performance.now();
    let item = this.#first;
    while (item) {
      const next: Expirable | null = item.after;
      if (item.expiresAt <= now) {
        this.unwatch(item);
        item.expire();
      }
      item = next;
    }
    if (this.#first || !this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}
