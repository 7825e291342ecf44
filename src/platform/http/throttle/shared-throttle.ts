import { LRUCache } from 'lru-cache';

import type { Clock } from '#common/time/clock.js';

import type { Counted, Hits, ThrottleStore } from './throttle-store.port.js';

/** What one subject may do in a window. */
export type Rate = { readonly limit: number; readonly windowMs: number };

export type Count = {
  /** The subject's hits in this window, this one included; more than the limit: it is over. */
  readonly hits: number;
  /** Whole seconds until the window ends, at least 1. */
  readonly resetsInSeconds: number;
};

export type ThrottleEvents = {
  /** The store does not answer; from now on this process counts for itself. */
  readonly onAway: (error: unknown) => void;
  readonly onBack: () => void;
  /** A hit was judged by this process's own count. */
  readonly onCountedHere: () => void;
};

const MAX_SUBJECTS = 50_000;
/** Subjects whose hits wait for their turn. Further ones are judged by what is known here. */
const MAX_PENDING = 1_000;
const MAX_BATCH = 250;
/** How long a caller waits for the store. What a call does afterwards may wait for PostgreSQL, and all of it has 5 s. */
const PATIENCE_MS = 400;
const RETRY_MS = 250;
/** At least so long after each other the store is asked: the longer pause once hits come faster than it answers. */
const MIN_SPACING_MS = 1;
const CROWDED_SPACING_MS = 10;

type Waiting = {
  /** Without a count: by what is known here. */
  readonly settle: (count?: Count) => void;
};

type Window = {
  readonly counter: string;
  readonly windowMs: number;
  /** What the store has said last, and what was counted here since. */
  hits: number;
  /** Of these, what the store has not been told. */
  untold: number;
  /** On this process's clock. */
  endsAt: number;
  waiting: Waiting[];
};

/** What is under way to the store for a window. */
type Told = Hits & {
  readonly window: Window;
  readonly endsAt: number;
  readonly waiting: readonly Waiting[];
};

/**
 * Counts hits per subject over all instances. Each hit gets its number from the store, so that exactly as many as are
 * allowed pass, whichever instances they come to; one that is over by what is known here is refused without asking. Hits
 * that come while the store is asked share the next question.
 *
 * A store that does not answer keeps nobody waiting and opens nothing: this process then counts for itself, up to the
 * same limit, from what it last knew. The store is told of those hits once it is back.
 */
export class SharedThrottle {
  readonly #windows = new LRUCache<string, Window>({ max: MAX_SUBJECTS });
  readonly #pending = new Map<string, Window>();
  #isAsking = false;
  #isAway = false;
  #retryAt = -Infinity;

  /** @param name of the counters in the store, which all throttles share */
  constructor(
    private readonly name: string,
    private readonly store: ThrottleStore,
    private readonly clock: Clock,
    private readonly events: ThrottleEvents,
  ) {}

  /** Never rejects, and resolves within half a second. */
  hit(subject: string, rate: Rate): Promise<Count> {
    const window = this.#windowOf(`${this.name}:${subject}`, rate.windowMs);
    if (window.hits >= rate.limit) {
      // After an outage the others do not know it yet.
      if (window.untold > 0) this.#enqueue(window);
      return Promise.resolve(this.#count(rate.limit + 1, window));
    }
    window.hits++;
    window.untold++;
    const isQueued = this.#enqueue(window);
    // While the store is away nobody waits; the hit only finds out whether it is back.
    return isQueued && !this.#isAway
      ? this.#wait(window.hits, window)
      : Promise.resolve(this.#countHere(window.hits, window));
  }

  /** Takes a hit back that turned out not to count. Of a window that is over there is nothing to take back. */
  giveBack(subject: string, { windowMs }: Rate): void {
    const window = this.#windowOf(`${this.name}:${subject}`, windowMs);
    if (window.hits <= 0) return;
    window.hits--;
    window.untold--;
    this.#enqueue(window);
  }

  #windowOf(counter: string, windowMs: number): Window {
    const now = this.clock.now();
    // One that waits for its turn may have been driven out of the cache: no counter is told twice at once.
    let window = this.#windows.get(counter) ?? this.#pending.get(counter);
    if (!window) {
      window = { counter, windowMs, hits: 0, untold: 0, endsAt: now + windowMs, waiting: [] };
    } else if (window.endsAt <= now || window.endsAt > now + windowMs) {
      // It is over, or the clock was set back.
      window.hits = window.untold = window.waiting.length;
      window.endsAt = now + windowMs;
    }
    this.#windows.set(counter, window);
    return window;
  }

  /** Whether the store will be told. */
  #enqueue(window: Window): boolean {
    if (this.#isAway && performance.now() < this.#retryAt) return false;
    if (!this.#pending.has(window.counter) && this.#pending.size >= MAX_PENDING) return false;
    this.#pending.set(window.counter, window);
    if (!this.#isAsking) void this.#tellAll();
    return true;
  }

  #wait(known: number, window: Window): Promise<Count> {
    return new Promise((resolve) => {
      let isSettled = false;
      const settle = (count?: Count): void => {
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        resolve(count ?? this.#countHere(known, window));
      };
      // An answer that has arrived while this process was busy goes first.
      const timer = setTimeout(() => setImmediate(() => settle()), PATIENCE_MS);
      window.waiting.push({ settle });
    });
  }

  async #tellAll(): Promise<void> {
    this.#isAsking = true;
    // What else comes in this turn shares the first question.
    await Promise.resolve();
    while (this.#pending.size > 0) {
      const askedAt = performance.now();
      const told = this.#nextBatch();
      await this.#tell(told);
      const isCrowded = told.length > 1 || told.some(({ hits }) => hits > 1);
      const spacingMs = isCrowded ? CROWDED_SPACING_MS : MIN_SPACING_MS;
      await pause(spacingMs - (performance.now() - askedAt));
    }
    this.#isAsking = false;
  }

  #nextBatch(): Told[] {
    const told: Told[] = [];
    for (const window of this.#pending.values()) {
      if (told.length === MAX_BATCH) break;
      const { counter, windowMs, untold, endsAt, waiting } = window;
      told.push({ counter, hits: untold, windowMs, window, endsAt, waiting });
      window.untold = 0;
      window.waiting = [];
      this.#pending.delete(counter);
    }
    return told;
  }

  async #tell(told: readonly Told[]): Promise<void> {
    try {
      const counted = await this.store.add(
        told.map(({ counter, hits, windowMs }) => ({ counter, hits, windowMs })),
      );
      counted.forEach((one, at) => this.#learn(told[at] as Told, one));
      if (this.#isAway) this.events.onBack();
      this.#isAway = false;
    } catch (error) {
      this.#giveUp(told, error);
    }
  }

  #learn({ window, waiting }: Told, { total, endsInMs }: Counted): void {
    window.hits = total + window.untold;
    window.endsAt = this.clock.now() + endsInMs;
    // The last of the hits that the store has counted just now are those that wait.
    waiting.forEach(({ settle }, at) =>
      settle(this.#count(total - waiting.length + 1 + at, window)),
    );
  }

  #giveUp(told: readonly Told[], error: unknown): void {
    if (!this.#isAway) this.events.onAway(error);
    this.#isAway = true;
    this.#retryAt = performance.now() + RETRY_MS;
    for (const { window, hits, endsAt } of told) {
      if (window.endsAt === endsAt) window.untold += hits;
    }
    const waiting = [...told, ...this.#pending.values()].flatMap((one) => one.waiting);
    for (const window of this.#pending.values()) window.waiting = [];
    this.#pending.clear();
    for (const { settle } of waiting) settle();
  }

  #countHere(known: number, window: Window): Count {
    this.events.onCountedHere();
    return this.#count(known, window);
  }

  #count(hits: number, { endsAt }: Window): Count {
    const leftMs = endsAt - this.clock.now();
    return { hits, resetsInSeconds: Math.max(1, Math.ceil(leftMs / 1000)) };
  }
}

function pause(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}
