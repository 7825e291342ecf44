import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import { TimeZone } from '#common/time/time-zone.js';

import type { Granularity } from './calendar.js';
import { seriesBoundaries } from './series.js';

const NOW = Date.parse('2026-11-21T10:20:30Z');

function boundaries(granularity: Granularity, zone: string, start: string, end: string): string[] {
  const period = { startMs: Date.parse(start), endMs: Date.parse(end) };
  return seriesBoundaries(period, granularity, TimeZone.named(zone)!, NOW).map((ms) =>
    new Date(ms).toISOString().slice(0, 16),
  );
}

describe('seriesBoundaries', () => {
  it.each([
    // The day has 25 hours, so two of the points are called 02:00 there.
    [
      'hour',
      'Europe/Berlin',
      '2026-10-24T23:30Z',
      '2026-10-25T02:30Z',
      [
        '2026-10-24T23:30',
        '2026-10-25T00:00',
        '2026-10-25T01:00',
        '2026-10-25T02:00',
        '2026-10-25T02:30',
      ],
    ],
    [
      'day',
      'Europe/Berlin',
      '2026-10-24T10:00Z',
      '2026-10-26T10:00Z',
      ['2026-10-24T10:00', '2026-10-24T22:00', '2026-10-25T23:00', '2026-10-26T10:00'],
    ],
    [
      'hour',
      'Asia/Kolkata',
      '2026-11-01T10:00Z',
      '2026-11-01T12:00Z',
      ['2026-11-01T10:00', '2026-11-01T10:30', '2026-11-01T11:30', '2026-11-01T12:00'],
    ],
    [
      'week',
      'UTC',
      '2026-11-01T00:00Z',
      '2026-11-10T00:00Z',
      ['2026-11-01T00:00', '2026-11-02T00:00', '2026-11-09T00:00', '2026-11-10T00:00'],
    ],
    [
      'month',
      'America/New_York',
      '2026-10-15T00:00Z',
      '2026-12-02T00:00Z',
      ['2026-10-15T00:00', '2026-11-01T04:00', '2026-12-01T05:00', '2026-12-02T00:00'],
    ],
    // There clocks are set forward at midnight: the day begins at one.
    [
      'day',
      'Africa/Cairo',
      '2026-04-23T12:00Z',
      '2026-04-25T12:00Z',
      ['2026-04-23T12:00', '2026-04-23T22:00', '2026-04-24T21:00', '2026-04-25T12:00'],
    ],
    // Before minutes were kept a day of Kolkata begins on the hour.
    [
      'day',
      'Asia/Kolkata',
      '2026-07-01T00:00Z',
      '2026-07-02T00:00Z',
      ['2026-07-01T00:00', '2026-07-01T18:00', '2026-07-02T00:00'],
    ],
  ] as const)('by %s in %s from %s', (granularity, zone, start, end, expected) => {
    expect(boundaries(granularity, zone, start, end)).toEqual(expected);
  });

  it.each([
    ['minute', '2026-11-01T00:00Z', '2026-11-03T00:00Z'],
    ['hour', '2026-08-20T00:00Z', '2026-11-01T00:00Z'],
    ['minute', '2026-07-01T00:00Z', '2026-07-01T01:00Z'],
  ] as const)(
    'refuses too many points, and minutes that are gone: by %s from %s to %s',
    (...asked) => {
      const [granularity, start, end] = asked;
      expect(() => boundaries(granularity, 'UTC', start, end)).toThrow(
        expect.objectContaining({ code: 'invalid_request', param: 'granularity' }) as AppError,
      );
    },
  );
});
