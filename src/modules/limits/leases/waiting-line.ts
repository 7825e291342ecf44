/** First come, first served; who has priority comes before all who have not. */
export class WaitingLine<Waiter extends { readonly since: number }> {
  readonly #first = new Set<Waiter>();
  readonly #others = new Set<Waiter>();
  /** Who had its turn and could not use it. */
  readonly #back = new Set<Waiter>();
  /** Whose turn it is, until it is clear whether it can use it: nobody overtakes it meanwhile. */
  turn: Waiter | null = null;

  get length(): number {
    return this.#back.size + this.#first.size + this.#others.size;
  }

  /** Since when the oldest of them waits; `null` when nobody does. */
  get since(): number | null {
    const oldest = [this.turn, ...[this.#back, this.#first, this.#others].map(([first]) => first)];
    const times = oldest.flatMap((waiter) => (waiter ? [waiter.since] : []));
    return times.length === 0 ? null : Math.min(...times);
  }

  add(waiter: Waiter, hasPriority: boolean): void {
    (hasPriority ? this.#first : this.#others).add(waiter);
  }

  /** To the head, for the next turn. */
  putBack(waiter: Waiter): void {
    this.#back.add(waiter);
  }

  /** Takes who is next; `undefined` when nobody waits. */
  next(): Waiter | undefined {
    for (const lane of [this.#back, this.#first, this.#others]) {
      const [waiter] = lane;
      if (waiter) {
        lane.delete(waiter);
        return waiter;
      }
    }
    return undefined;
  }

  remove(waiter: Waiter): void {
    for (const lane of [this.#back, this.#first, this.#others]) lane.delete(waiter);
  }
}
