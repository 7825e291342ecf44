import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { periodOf } from './period.js';

const NOW = Date.UTC(2026, 10, 21, 12);
const day = (text: string): Date => new Date(`${text}T00:00:00Z`);

describe('periodOf', () => {
  it.each([
    ['nothing', {}, '2026-10-22T12:00:00.000Z', '2026-11-22T12:00:00.000Z'],
    [
      'a start',
      { start: day('2026-11-01') },
      '2026-11-01T00:00:00.000Z',
      '2026-11-22T12:00:00.000Z',
    ],
    ['an end', { end: day('2026-11-01') }, '2026-10-02T00:00:00.000Z', '2026-11-01T00:00:00.000Z'],
    [
      'both',
      { start: day('2025-11-01'), end: day('2026-11-01') },
      '2025-11-01T00:00:00.000Z',
      '2026-11-01T00:00:00.000Z',
    ],
    [
      'an end that is yet to come',
      { end: day('2099-01-01') },
      '2026-10-22T12:00:00.000Z',
      '2026-11-22T12:00:00.000Z',
    ],
    [
      'the longest',
      { start: day('2025-10-18') },
      '2025-10-18T00:00:00.000Z',
      '2026-11-22T12:00:00.000Z',
    ],
  ])('of %s', (_, given, from, to) => {
    const period = periodOf(given, NOW);
    expect([period.from.toISOString(), period.to.toISOString()]).toEqual([from, to]);
  });

  it.each([
    ['one that is too long', { start: day('2025-10-01') }, 'start'],
    ['one that is empty', { start: day('2026-11-01'), end: day('2026-11-01') }, 'start'],
    ['one that is yet to come', { start: day('2026-11-23') }, 'start'],
    ['a start before there was anything', { start: day('2019-12-31') }, 'start'],
    ['an end before there was anything', { end: day('2019-12-31') }, 'end'],
  ])('refuses %s', (_, given, param) => {
    expect(() => periodOf(given, NOW)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param }) as AppError,
    );
  });
});
