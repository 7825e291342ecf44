import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Deadlines, Expirable } from './deadlines.js';

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

class Item extends Expirable {
  expired = 0;
  override expire(): void {
    this.expired++;
  }
}

function due(inMs: number): Item {
  return new Item(performance.now() + inMs);
}

describe('Deadlines', () => {
  it('ends each thing once, at most 100 ms late, and what is over never', () => {
    const deadlines = new Deadlines();
    const [soon, later, over] = [due(250), due(1_000), due(250)];
    for (const item of [soon, later, over]) deadlines.watch(item);
    deadlines.unwatch(over);
    vi.advanceTimersByTime(249);
    expect([soon.expired, later.expired]).toEqual([0, 0]);
    vi.advanceTimersByTime(101);
    expect([soon.expired, later.expired]).toEqual([1, 0]);
    vi.advanceTimersByTime(10_000);
    expect([soon.expired, later.expired, over.expired]).toEqual([1, 1, 0]);
  });

  it('watches the others on, whichever is over first', () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const deadlines = new Deadlines();
      const items = [due(50), due(50), due(50), due(50)];
      for (const item of items) deadlines.watch(item);
      for (const index of order) deadlines.unwatch(items[index] as Item);
      for (const index of order) deadlines.unwatch(items[index] as Item);
      vi.advanceTimersByTime(200);
      expect(items.map(({ expired }) => expired)).toEqual([0, 0, 0, 1]);
    }
  });

  it('rests while there is nothing to watch, and wakes up again', () => {
    const deadlines = new Deadlines();
    deadlines.watch(due(50));
    vi.advanceTimersByTime(200);
    expect(vi.getTimerCount()).toBe(0);
    const item = due(50);
    deadlines.watch(item);
    vi.advanceTimersByTime(200);
    expect(item.expired).toBe(1);
  });
});
