/** Hits on one counter that are added together. */
export type Hits = {
  /** At most 120 bytes. */
  readonly counter: string;
  /** Fewer than none: so many are taken back, but never more than there are. */
  readonly hits: number;
  /** How long the window lasts that begins with the first hit. */
  readonly windowMs: number;
};

export type Counted = {
  /** Hits in the counter's window, these included, by whomever. */
  readonly total: number;
  /** Until the window ends and the counter starts again from nothing. */
  readonly endsInMs: number;
};

/** How long a store may take for one call before that counts as failed. */
export const MAX_STORE_MS = 1_000;

/**
 * Counters that all instances share. A window begins with its first hit and is measured on the store's own clock, so
 * that instances whose clocks differ count in the same one. What is counted may be forgotten when the store fails: it is
 * a brake, not an account.
 */
export abstract class ThrottleStore {
  /**
   * Adds to each counter, in one round trip, and answers in the same order. No counter may be named twice. Rejects within
   * about {@link MAX_STORE_MS} when the store does not answer; whether it has counted is then unknown.
   */
  abstract add(hits: readonly Hits[]): Promise<readonly Counted[]>;

  abstract close(): Promise<void>;
}
