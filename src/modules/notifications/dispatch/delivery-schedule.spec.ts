import { describe, expect, it } from 'vitest';

import { delayAfter } from './delivery-schedule.js';

const HOUR_MS = 3_600_000;
/** After the first attempt, the second, and so on. */
const SCHEDULE = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

describe('delayAfter', () => {
  it.each(SCHEDULE.map((seconds, at) => [at + 1, seconds] as const))(
    'attempt %d is %d s, and up to a tenth more',
    (attempts, seconds) => {
      expect(delayAfter(attempts, null, 0)).toBe(seconds * 1_000);
      expect(delayAfter(attempts, null, 1)).toBe(seconds * 1_100);
    },
  );

  it('has an end after ten attempts, whatever the receiver asks for', () => {
    for (const attempts of [10, 11, 1_000]) expect(delayAfter(attempts, 60_000, 0.5)).toBeNull();
  });

  it('is made longer by the receiver, never shorter, and by a day at the most', () => {
    expect(delayAfter(1, 60_000, 0)).toBe(60_000);
    expect(delayAfter(2, 60_000, 0)).toBe(300_000);
    expect(delayAfter(1, 1_000 * HOUR_MS, 0)).toBe(24 * HOUR_MS);
  });
});
