import { expect, it } from 'vitest';

import { parseRetryAfter } from './retry-after.js';

const NOW = Date.parse('2026-11-27T10:00:00Z');

it.each([
  ['120', 120_000],
  [' 7 ', 7_000],
  ['0', 0],
  ['Fri, 27 Nov 2026 10:01:00 GMT', 60_000],
  ['Fri, 27 Nov 2026 09:00:00 GMT', 0],
  ['soon', null],
  ['', null],
  ['-5', null],
  ['1e3', null],
  ['9999999999', null],
  [['1', '2'], null],
  [undefined, null],
])('of %j is %j ms', (header, ms) => {
  expect(parseRetryAfter(header, NOW)).toBe(ms);
});
