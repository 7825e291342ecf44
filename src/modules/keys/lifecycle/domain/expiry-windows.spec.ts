import fc from 'fast-check';
import { expect, it } from 'vitest';

import { expiryWindows, newsAgeMax } from './expiry-windows.js';

const DAY = 86_400_000;
const NOW = Date.parse('2026-11-21T09:00:00Z');

/** What is told of a key that expires `days` from now. */
function toldOf(days: number, reminders: readonly number[], maxAgeDays = 7): number[] {
  const at = NOW + days * DAY;
  return expiryWindows(reminders, NOW, maxAgeDays * DAY)
    .filter(({ after, until }) => after.getTime() < at && at <= until.getTime())
    .map((window) => window.days);
}

it.each([
  [31, []],
  [30, [30]],
  [23.5, [30]],
  // Its time has passed by a week, so it is not told any more.
  [23, []],
  [8, []],
  [7, [7]],
  [2, [7]],
  [1, [1]],
  [0.01, [1]],
  [0, [0]],
  [-6.99, [0]],
  [-7, []],
])('of a key that expires in %d days, %j is told', (days, told) => {
  expect(toldOf(days, [30, 7, 1])).toEqual(told);
});

it('tells of what has expired also where nobody wants reminders', () => {
  expect([toldOf(1, []), toldOf(0, [])]).toEqual([[], [0]]);
});

it('tells of the nearest reminder that is due, and is not a week late, and of no other', () => {
  const reminders = fc.uniqueArray(fc.integer({ min: 1, max: 365 }), { maxLength: 5 });
  const minutes = fc.integer({ min: -10 * 1_440, max: 370 * 1_440 });
  fc.assert(
    fc.property(reminders, minutes, (days, offset) => {
      const left = offset / 1_440;
      const due = [0, ...days].filter((day) => left <= day);
      const nearest = Math.min(...due);
      expect(toldOf(left, days)).toEqual(due.length > 0 && nearest - left < 7 ? [nearest] : []);
    }),
  );
});

it('looks back over a week, and over the time for which no worker was there', () => {
  const now = new Date(NOW);
  expect(newsAgeMax(null, now)).toBe(7 * DAY);
  expect(newsAgeMax(new Date(NOW - 20 * DAY), now)).toBe(27 * DAY);
  // Another instance's clock is ahead.
  expect(newsAgeMax(new Date(NOW + DAY), now)).toBe(7 * DAY);
  expect([toldOf(-19, [30], 27), toldOf(-27, [30], 27)]).toEqual([[0], []]);
});
