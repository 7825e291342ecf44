import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { CronSchedule } from './cron-schedule.js';

const HOUR_MS = 3_600_000;
const NOW = Date.parse('2026-11-21T10:00:00Z');

/** The first `count` times after `from`, as ISO 8601 to the minute. */
function ticks(expression: string, zone: string, from: string, count: number): string[] {
  let at = Date.parse(from);
  const schedule = CronSchedule.of(expression, zone, at);
  return Array.from({ length: count }, () => {
    at = schedule.nextAfter(at);
    return new Date(at).toISOString().slice(0, 16);
  });
}

function refusalOf(expression: string, zone = 'UTC'): Pick<AppError, 'param' | 'message'> {
  try {
    CronSchedule.of(expression, zone, NOW);
  } catch (error) {
    return error as AppError;
  }
  throw new Error(`${expression} was taken.`);
}

describe('CronSchedule', () => {
  it.each([
    ['0 0 1 * *', 'UTC', ['2026-12-01T00:00', '2027-01-01T00:00']],
    ['30 22 * * 1-5', 'UTC', ['2026-11-23T22:30', '2026-11-24T22:30']],
    ['0 3 1 * *', 'Europe/Berlin', ['2026-12-01T02:00', '2027-01-01T02:00']],
    ['15 9 * * MON', 'Asia/Kolkata', ['2026-11-23T03:45', '2026-11-30T03:45']],
    ['0 0 L * *', 'UTC', ['2026-11-30T00:00', '2026-12-31T00:00']],
    ['0 0 29 2 *', 'UTC', ['2028-02-29T00:00', '2032-02-29T00:00']],
    // Where both days are restricted, either will do (POSIX crontab).
    ['0 0 1 * 1', 'UTC', ['2026-11-23T00:00', '2026-11-30T00:00', '2026-12-01T00:00']],
    ['5 * * * *', 'UTC', ['2026-11-21T10:05', '2026-11-21T11:05']],
  ])('%s in %s', (expression, zone, expected) => {
    expect(ticks(expression, zone, '2026-11-21T10:00:00Z', expected.length)).toEqual(expected);
  });

  it.each([
    // Berlin goes from 02:00 to 03:00 on 29 March 2026 (01:00 UTC).
    ['30 2 * * *', '2026-03-28T12:00Z', ['03-29T01:30', '03-30T00:30']],
    ['0 2 * * *', '2026-03-28T12:00Z', ['03-29T01:00', '03-30T00:00']],
    ['0 2,3 * * *', '2026-03-28T12:00Z', ['03-29T01:00', '03-30T00:00', '03-30T01:00']],
    ['0 */2 * * *', '2026-03-28T22:00Z', ['03-28T23:00', '03-29T01:00', '03-29T02:00']],
    ['15 * * * *', '2026-03-28T23:30Z', ['03-29T00:15', '03-29T01:15', '03-29T02:15']],
    // And from 03:00 back to 02:00 on 25 October (01:00 UTC).
    ['30 2 * * *', '2026-10-24T12:00Z', ['10-25T00:30', '10-26T01:30']],
    ['0 2,3 * * *', '2026-10-24T12:00Z', ['10-25T00:00', '10-25T02:00', '10-26T01:00']],
    ['0 3 * * *', '2026-10-24T12:00Z', ['10-25T02:00', '10-26T02:00']],
    ['15 * * * *', '2026-10-24T23:30Z', ['10-25T00:15', '10-25T02:15']],
  ])('takes %s from %s on once where the clock of Berlin changes', (expression, from, expected) => {
    const found = ticks(expression, 'Europe/Berlin', from, expected.length);
    expect(found.map((time) => time.slice(5))).toEqual(expected);
  });

  const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'];
  const EXPRESSIONS = ['30 2 * * *', '0 2,3 * * *', '45 1-3 * * *'];
  /** Before changes of these clocks. */
  const DAYS = ['2026-03-28', '2026-10-24', '2026-03-07', '2026-10-31', '2026-10-03', '2026-04-04'];
  const CASES = ZONES.flatMap((zone) =>
    EXPRESSIONS.flatMap((expression) => DAYS.map((day) => ({ zone, expression, day }))),
  );
  it.each(CASES)(
    'answers of $expression in $zone the same from whenever one asks, from $day on',
    ({ zone, expression, day }) => {
      const start = Date.parse(day);
      const schedule = CronSchedule.of(expression, zone, start);
      const chain: number[] = [];
      for (let at = start; at < start + 72 * HOUR_MS; chain.push(at)) at = schedule.nextAfter(at);
      for (let from = start; from < start + 44 * HOUR_MS; from += 23 * 60_000) {
        expect(schedule.nextAfter(from)).toBe(chain.find((tick) => tick > from));
      }
    },
  );

  it.each([
    '',
    'daily',
    '@daily',
    '0 0 1 *',
    '0 0 0 1 * *',
    'H 3 * * *',
    '60 * * * *',
    '0  3 * * *',
    '0 0 31 4,6 *',
    '0 0 30 2 *',
    '*/0 * * * *',
    '0 0 0 * *',
  ])('refuses "%s", with an example of what would do', (expression) => {
    const { param, message } = refusalOf(expression);
    expect(param).toBe('schedule');
    expect(message).toContain('0 3 1 * *');
  });

  it.each(['* * * * *', '*/30 * * * *', '0,30 0 1 1 *', '0,59 3 * * *'])(
    'refuses %s, of which two come within an hour',
    (expression) => {
      expect(refusalOf(expression).message).toContain('more often than once an hour');
    },
  );

  it.each(['Europe/Nowhere', '+01:00', ''])('refuses the time zone "%s"', (zone) => {
    expect(refusalOf('0 3 1 * *', zone)).toMatchObject({ param: 'time_zone' });
  });
});
