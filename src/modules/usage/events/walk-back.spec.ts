import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SearchTimeoutError } from '../usage.errors.js';
import { type Stretch, walkBack } from './walk-back.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TO = 1_000 * DAY_MS;

/** Rows that are nothing but their times, and a read of which each takes as long as it is told. */
class Rows {
  readonly stretches: Stretch[] = [];
  elapsedMs = 0;
  /** A stretch that is longer can't be read in time. */
  maxSpanMs = Infinity;

  constructor(
    private readonly times: readonly number[],
    private readonly readMs = 0,
  ) {}

  walk(from: number, limit: number): Promise<{ rows: number[]; reached: number | null }> {
    return walkBack({ from, to: TO }, limit, {
      elapsedMs: () => this.elapsedMs,
      read: ({ from: start, to: end }, atMost) => {
        this.stretches.push({ from: start, to: end });
        this.elapsedMs += this.readMs;
        if (end - start > this.maxSpanMs)
          return Promise.reject(new SearchTimeoutError(new Error('too long')));
        const found = this.times.filter((time) => time >= start && time < end);
        return Promise.resolve(found.toSorted((one, other) => other - one).slice(0, atMost));
      },
    });
  }
}

describe('walkBack', () => {
  it('answers the newest rows of the period, whatever it has to pass over', async () => {
    const anyAge = fc.integer({ min: 1, max: 40 * DAY_MS });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyAge),
        anyAge,
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom(Infinity, 7 * DAY_MS, 2 * HOUR_MS),
        async (ages, period, limit, maxSpanMs) => {
          const rows = new Rows(ages.map((age) => TO - age));
          rows.maxSpanMs = maxSpanMs;
          const inPeriod = ages.filter((age) => age <= period).map((age) => TO - age);
          const newest = inPeriod.toSorted((one, other) => other - one).slice(0, limit);
          expect(await rows.walk(TO - period, limit)).toEqual({ rows: newest, reached: null });
        },
      ),
    );
  });

  it('passes over 400 days without a row in about twenty reads', async () => {
    const rows = new Rows([]);
    expect(await rows.walk(TO - 400 * DAY_MS, 10)).toEqual({ rows: [], reached: null });
    expect(rows.stretches.length).toBeLessThan(25);
  });

  it('reads no more once it has enough', async () => {
    const rows = new Rows([TO - 1, TO - 2, TO - 3]);
    expect((await rows.walk(0, 2)).rows).toEqual([TO - 1, TO - 2]);
    expect(rows.stretches).toHaveLength(1);
  });

  it('gives up after two seconds, and goes on from there when it is asked again', async () => {
    const rows = new Rows([TO - 1, TO - 300 * DAY_MS], 700);
    const { rows: found, reached } = await rows.walk(TO - 400 * DAY_MS, 10);
    expect(found).toEqual([TO - 1]);
    // Three reads: an hour, two and four.
    expect(reached).toBe(TO - 7 * HOUR_MS);
  });

  it('reads less at a time where that takes too long', async () => {
    const rows = new Rows([TO - 1, TO - 2 * HOUR_MS]);
    rows.maxSpanMs = 10 * 60_000;
    expect(await rows.walk(TO - 3 * HOUR_MS, 10)).toEqual({
      rows: [TO - 1, TO - 2 * HOUR_MS],
      reached: null,
    });
  });

  it('fails when not even a minute can be read, and answers what there is when it got anywhere', async () => {
    const stuck = new Rows([TO - 1], 1_000);
    stuck.maxSpanMs = 1;
    await expect(stuck.walk(0, 10)).rejects.toThrow(SearchTimeoutError);
    expect(stuck.stretches).toHaveLength(3);
    const slow = new Rows([TO - 1]);
    const walking = slow.walk(0, 10);
    slow.maxSpanMs = 1;
    expect(await walking).toEqual({ rows: [TO - 1], reached: TO - HOUR_MS });
  });

  it('passes on what else goes wrong', async () => {
    const broken = walkBack({ from: 0, to: TO }, 1, {
      elapsedMs: () => 0,
      read: () => Promise.reject(new Error('no database')),
    });
    await expect(broken).rejects.toThrow('no database');
  });
});
