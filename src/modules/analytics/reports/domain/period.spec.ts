import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import { TimeZone } from '#common/time/time-zone.js';

import { type AskedPeriod, readPeriod } from './period.js';

const NOW = Date.parse('2026-11-21T10:20:30.400Z');
const END = '2026-11-21T10:21:00.000Z';

function read(asked: AskedPeriod, zone = 'UTC'): [string, string] {
  const { startMs, endMs } = readPeriod(asked, TimeZone.named(zone)!, NOW);
  return [new Date(startMs).toISOString(), new Date(endMs).toISOString()];
}

describe('readPeriod', () => {
  it.each([
    [{}, 'UTC', '2026-11-20T10:21:00.000Z', END],
    [{ period: '7d' }, 'Europe/Berlin', '2026-11-14T10:21:00.000Z', END],
    [{ period: 'today' }, 'Europe/Berlin', '2026-11-20T23:00:00.000Z', END],
    [
      { period: 'yesterday' },
      'Asia/Kolkata',
      '2026-11-19T18:30:00.000Z',
      '2026-11-20T18:30:00.000Z',
    ],
    [{ period: 'this_week' }, 'UTC', '2026-11-16T00:00:00.000Z', END],
    [{ period: 'last_week' }, 'UTC', '2026-11-09T00:00:00.000Z', '2026-11-16T00:00:00.000Z'],
    // Summer time ends in between.
    [
      { period: 'last_month' },
      'Europe/Berlin',
      '2026-09-30T22:00:00.000Z',
      '2026-10-31T23:00:00.000Z',
    ],
    [{ start: '2026-11-01' }, 'America/New_York', '2026-11-01T04:00:00.000Z', END],
    [
      { start: '2026-11-02T00:00:59+05:30', end: '2026-11-03' },
      'UTC',
      '2026-11-01T18:30:00.000Z',
      '2026-11-03T00:00:00.000Z',
    ],
    [{ start: '2026-11-01', end: '2030-01-01' }, 'UTC', '2026-11-01T00:00:00.000Z', END],
    // There are no minutes of that time any more.
    [
      { start: '2026-07-01T12:34Z', end: '2026-07-02T12:34Z' },
      'UTC',
      '2026-07-01T12:00:00.000Z',
      '2026-07-02T12:00:00.000Z',
    ],
  ])('reads %j in %s', (asked, zone, start, end) => {
    expect(read(asked, zone)).toEqual([start, end]);
  });

  it.each([
    [{ period: 'week' }, 'period'],
    [{ period: '0d' }, 'period'],
    [{ period: '30m' }, 'period'],
    [{ period: '401d' }, 'period'],
    [{ period: '7d', start: '2026-11-01' }, 'period'],
    [{ end: '2026-11-01' }, 'start'],
    [{ start: 'yesterday' }, 'start'],
    [{ start: '2026-02-30' }, 'start'],
    [{ start: '2026-11-01T00:00:00' }, 'start'],
    [{ start: '1999-01-01' }, 'start'],
    [{ start: '2026-11-01', end: '2026-11-31' }, 'end'],
    [{ start: '2026-11-02', end: '2026-11-01' }, 'start'],
    [{ start: '2027-01-01' }, 'start'],
    [{ start: '2025-01-01' }, 'start'],
  ])('refuses %j, naming %s', (asked, param) => {
    expect(() => read(asked)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param }) as AppError,
    );
  });
});
