import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Clock } from '#common/time/clock.js';

import { MemoryThrottleStore } from '../../../../test/support/throttles.js';
import { type Count, SharedThrottle } from './shared-throttle.js';

type Turn = { process: number; hits: number; answerMs: number; restMs: number };

const MINUTE = { limit: 60, windowMs: 60_000 };
const AWAY = (): Promise<never> => Promise.reject(new Error('no store'));
const SILENT = (): Promise<never> => new Promise(() => undefined);

/** Vitest's own fake time, and what the operator sets the clock to. */
class TestClock extends Clock {
  setBackMs = 0;
  override now(): number {
    return Date.now() - this.setBackMs;
  }
}

let clock: TestClock;
let store: MemoryThrottleStore;
let here: SharedThrottle;
const events = { onAway: vi.fn(), onBack: vi.fn(), onCountedHere: vi.fn() };
beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  clock = new TestClock();
  store = new MemoryThrottleStore(clock);
  here = newProcess();
});
afterEach(() => vi.useRealTimers());

function newProcess(): SharedThrottle {
  return new SharedThrottle('spec', store, clock, events);
}

/** What becomes of them within `ms`. */
async function settled(hits: readonly Promise<Count>[], ms = 1): Promise<number[]> {
  const numbers: number[] = [];
  for (const hit of hits) void hit.then((count) => numbers.push(count.hits));
  await vi.advanceTimersByTimeAsync(ms);
  return numbers;
}

function hits(count: number, subject = 'a', throttle = here): Promise<Count>[] {
  return Array.from({ length: count }, () => throttle.hit(subject, MINUTE));
}

function hitsOfMany(count: number, throttle = here): Promise<Count>[] {
  return Array.from({ length: count }, (_, at) => throttle.hit(`${at}`, MINUTE));
}

function passed(numbers: readonly number[]): number {
  return numbers.filter((number) => number <= MINUTE.limit).length;
}

function toldHits(): number {
  return store.asked.flat().reduce((sum, one) => sum + one.hits, 0);
}

describe('SharedThrottle', () => {
  it('numbers the hits of a subject, and those of each for themselves', async () => {
    expect(await settled(hits(3))).toEqual([1, 2, 3]);
    expect(await settled(hits(2, 'b'), 10)).toEqual([1, 2]);
    expect(await settled(hits(1), 10)).toEqual([4]);
  });

  it('says how long the window lasts that the store has begun', async () => {
    await settled(hits(1));
    await vi.advanceTimersByTimeAsync(20_499);
    const there = newProcess();
    const [count] = await Promise.all(hits(1, 'a', there));
    expect(count).toEqual({ hits: 2, resetsInSeconds: 40 });
  });

  it('lets exactly as many pass as are allowed, however processes take turns', async () => {
    const turn = fc.record({
      process: fc.nat(2),
      hits: fc.integer({ min: 1, max: 40 }),
      answerMs: fc.nat(100),
      restMs: fc.nat(100),
    });
    const play = async (turns: readonly Turn[]): Promise<void> => {
      store.counters.clear();
      const processes = [newProcess(), newProcess(), newProcess()];
      const made: Promise<Count>[] = [];
      for (const { process, hits: count, answerMs, restMs } of turns) {
        store.answers = () => new Promise((resolve) => setTimeout(resolve, answerMs));
        made.push(...hits(count, 'a', processes[process]));
        await vi.advanceTimersByTimeAsync(restMs);
      }
      const numbers = await settled(made, 1_000);
      expect(numbers).toHaveLength(made.length);
      expect(passed(numbers)).toBe(Math.min(made.length, MINUTE.limit));
    };
    await fc.assert(fc.asyncProperty(fc.array(turn, { maxLength: 12 }), play), { numRuns: 30 });
    expect(events.onCountedHere).not.toHaveBeenCalled();
  });

  it('refuses on all processes who was refused on one, at the first hit there', async () => {
    const there = newProcess();
    await settled(hits(61));
    expect(passed(await settled(hits(1, 'a', there)))).toBe(0);
  });

  it('asks nobody about who is over the limit already', async () => {
    await settled(hits(60));
    const before = store.asked.length;
    for (let round = 0; round < 100; round++) {
      expect(passed(await settled(hits(10)))).toBe(0);
    }
    expect(store.asked).toHaveLength(before);
  });

  it('starts again from nothing when the window is over, and not before', async () => {
    await settled(hits(61), 0);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(passed(await settled(hits(1), 0))).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(passed(await settled(hits(61), 20))).toBe(60);
  });

  it('refuses nobody for longer than a window because the clock was set back', async () => {
    await settled(hits(61), 20);
    clock.setBackMs = 3_600_000;
    store.counters.clear();
    expect(passed(await settled(hits(61), 20))).toBe(60);
  });
});

describe('questions to the store', () => {
  it('are shared by hits that come while one is under way', async () => {
    const made = hitsOfMany(600);
    await settled(made, 100);
    expect(store.asked.map(({ length }) => length)).toEqual([250, 250, 100]);
    expect(new Set(await settled(made))).toEqual(new Set([1]));
  });

  it('are at most 100 a second when 10,000 addresses fail, and name each once', async () => {
    for (let ms = 0; ms < 1_000; ms++) {
      for (let at = 0; at < 10; at++) void here.hit(`${ms}/${at}`, MINUTE);
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(10);
    expect(store.asked.length).toBeLessThanOrEqual(101);
    expect(store.counters.size).toBe(10_000);
    expect(toldHits()).toBe(10_000);
  });

  it('are at most 1,000 a second when one after the other fails', async () => {
    for (let at = 0; at < 2_000; at++) {
      void here.hit(`${at}`, MINUTE);
      await vi.advanceTimersByTimeAsync(0.5);
    }
    expect(store.asked.length).toBeLessThanOrEqual(1_001);
  });

  it('name no counter twice, also where a subject was forgotten while it waited', async () => {
    store.answers = SILENT;
    void here.hit('first', MINUTE);
    await vi.advanceTimersByTimeAsync(0);
    store.answers = () => Promise.resolve();
    const other = new SharedThrottle('spec', store, clock, events);
    void other.hit('a', MINUTE);
    for (let at = 0; at < 50_000; at++) void other.hit(`${at}`, MINUTE);
    void other.hit('a', MINUTE);
    await vi.advanceTimersByTimeAsync(100);
    for (const asked of store.asked) {
      expect(new Set(asked.map(({ counter }) => counter)).size).toBe(asked.length);
    }
    expect(store.counters.get('spec:a')?.total).toBe(2);
  });
});

describe('without the store', () => {
  it('counts here, up to the same limit, and says once that it does', async () => {
    store.answers = AWAY;
    expect(await settled(hits(1))).toEqual([1]);
    const numbers = await settled(hits(100), 0);
    expect(passed(numbers)).toBe(59);
    expect(numbers).toHaveLength(100);
    await vi.advanceTimersByTimeAsync(5_000);
    await settled(hits(10, 'b'));
    expect(events.onAway).toHaveBeenCalledOnce();
    expect(events.onAway).toHaveBeenCalledWith(new Error('no store'));
    expect(events.onCountedHere).toHaveBeenCalledTimes(70);
    expect(events.onBack).not.toHaveBeenCalled();
  });

  it('goes on from what it knew', async () => {
    await settled(hits(40, 'a', newProcess()));
    await settled(hits(1), 10);
    store.answers = AWAY;
    expect(passed(await settled(hits(100)))).toBe(19);
  });

  it('keeps nobody waiting: half a second the first time, and then not at all', async () => {
    store.answers = SILENT;
    expect(await settled(hits(3), 399)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(passed(await settled(hits(100), 401))).toBe(57);
    expect(events.onCountedHere).toHaveBeenCalledTimes(60);

    let fail = (): void => undefined;
    store.answers = () =>
      new Promise((_, reject) => {
        fail = () => reject(new Error('no store'));
      });
    const there = newProcess();
    const first = hits(1, 'b', there);
    await vi.advanceTimersByTimeAsync(0);
    const second = hits(1, 'c', there);
    fail();
    expect(await settled([...first, ...second], 0)).toEqual([1, 1]);
    expect(await settled(hits(1, 'd', there), 0)).toEqual([1]);
  });

  it('asks again four times a second at the most', async () => {
    store.answers = AWAY;
    await settled(hits(1));
    const before = store.asked.length;
    for (let ms = 0; ms < 5_000; ms++) await settled(hits(10, `${ms}`));
    expect(store.asked.length - before).toBeLessThanOrEqual(20);
    expect(store.asked.length - before).toBeGreaterThanOrEqual(18);
  });

  it('tells the store what it counted meanwhile, once it is back', async () => {
    await settled(hits(10), 10);
    store.answers = AWAY;
    await settled(hits(30), 10);
    store.answers = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(1_000);
    await settled(hits(1), 20);
    expect(events.onBack).toHaveBeenCalledOnce();
    expect(await settled(hits(1, 'a', newProcess()))).toEqual([42]);
    expect(await settled(hits(1), 20)).toEqual([43]);
  });

  it('tells it also of who is refused here already', async () => {
    store.answers = AWAY;
    await settled(hits(61), 10);
    store.answers = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(passed(await settled(hits(1), 20))).toBe(0);
    expect(passed(await settled(hits(1, 'a', newProcess())))).toBe(0);
  });

  it('tells nothing twice of which the store said nothing in time', async () => {
    store.answers = () => new Promise((resolve) => setTimeout(resolve, 900));
    expect(await settled(hits(5), 500)).toEqual([1, 2, 3, 4, 5]);
    store.answers = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(500);
    expect(await settled(hits(1), 20)).toEqual([6]);
    expect(events.onAway).not.toHaveBeenCalled();
  });

  it('lets no hits of one window count in the next', async () => {
    store.answers = AWAY;
    await settled(hits(50));
    store.answers = () => Promise.resolve();
    await vi.advanceTimersByTimeAsync(60_000);
    await settled(hits(1), 20);
    expect(store.counters.get('spec:a')?.total).toBe(1);
  });

  it('lets 1,000 subjects wait, and judges the others at once', async () => {
    store.answers = SILENT;
    void here.hit('first', MINUTE);
    await vi.advanceTimersByTimeAsync(0);
    const numbers = await settled(hitsOfMany(1_300), 0);
    expect(numbers).toHaveLength(300);
  });

  it('remembers 50,000 subjects, those that hit last', async () => {
    store.answers = AWAY;
    await settled(hits(1));
    await settled(hits(60, 'kept'), 0);
    await settled(hitsOfMany(49_999), 0);
    expect(passed(await settled(hits(1, 'kept'), 0))).toBe(0);
    await settled(hitsOfMany(50_000), 0);
    expect(passed(await settled(hits(1, 'kept'), 0))).toBe(1);
  });

  it('takes hits back, here and in the store, and never below none', async () => {
    await settled(hits(3));
    here.giveBack('a', MINUTE);
    here.giveBack('a', MINUTE);
    await vi.advanceTimersByTimeAsync(20);
    expect(store.counters.get('spec:a')?.total).toBe(1);
    expect(await settled(hits(1, 'a', newProcess()), 20)).toEqual([2]);
    for (let times = 0; times < 5; times++) here.giveBack('never hit', MINUTE);
    await vi.advanceTimersByTimeAsync(20);
    expect(store.counters.get('spec:never hit')).toBeUndefined();
  });

  it('gives the same hit to as many as have given it back', async () => {
    for (let round = 0; round < 3 * MINUTE.limit; round++) {
      expect(passed(await settled(hits(1), 20))).toBe(1);
      here.giveBack('a', MINUTE);
    }
  });
});
