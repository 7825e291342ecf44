import { expect, it } from 'vitest';

import { parseDuration } from './duration.js';

it.each([
  ['1s', 1_000],
  ['30m', 1_800_000],
  ['1h', 3_600_000],
  ['7d', 604_800_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each(['', '1', 'h', '0h', '-1h', '1.5h', '1 h', '1w', '1h30m', '1000000d', ' 1h', '1H'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeNull();
  },
);
