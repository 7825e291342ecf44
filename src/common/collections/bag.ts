/** What can stand in one {@link Bag} at a time: it says itself where. */
export type BagItem = {
  /** The bag's own; -1 while it is in none. */
  place: number;
};

/**
 * Items that come and go by the thousand a second, in no order.
 *
 * A Map or Set is slower here by more than it seems: each time V8 rehashes one, the old table keeps the items it had and
 * points to its successor. Once such a table has reached the old generation, all tables after it, with the items they
 * had, outlive every scavenge until the next full collection.
 */
export class Bag<Item extends BagItem> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(item: Item): void {
    if (!this.has(item)) item.place = this.#items.push(item) - 1;
  }

  has(item: Item): boolean {
    return this.#items[item.place] === item;
  }

  delete(item: Item): void {
    if (!this.has(item)) return;
    const last = this.#items.pop() as Item;
    if (last !== item) {
      this.#items[item.place] = last;
      last.place = item.place;
    }
    item.place = -1;
  }

  /** As it is now: what is added or deleted later does not matter to it. */
  toArray(): Item[] {
    return [...this.#items];
  }
}
