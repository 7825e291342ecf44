import { AppError } from '#common/errors/app-error.js';
import { parseDuration } from '#common/time/duration.js';
import type { TimeZone } from '#common/time/time-zone.js';
import { isGiven } from '#common/validation/given.js';
import { MINUTES_KEPT_DAYS } from '#modules/usage/index.js';

import { DAY_MS, HOUR_MS, MINUTE_MS, startOf } from './calendar.js';

export type AskedPeriod = {
  readonly period?: string | null | undefined;
  readonly start?: string | null | undefined;
  readonly end?: string | null | undefined;
};

/** From the beginning of a minute to the end of one, in ms since the epoch. */
export type Period = { readonly startMs: number; readonly endMs: number };

export const MAX_DAYS = 400;
/** Long before there was anything to report. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const DEFAULT_PERIOD = '24h';

const CALENDAR_PERIODS = /^(this|last)_(week|month)$/;
const ROLLING_PERIOD = /^\d+[hd]$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * The minute that runs belongs to what reaches up to now, and nothing reaches further. Where roll-ups by minute are gone, the hour
 * counts in which the period begins or ends.
 * @throws {AppError} `invalid_request` that names the parameter
 */
export function readPeriod(asked: AskedPeriod, zone: TimeZone, nowMs: number): Period {
  const { startMs, endMs } = isExplicit(asked)
    ? readStartAndEnd(asked, zone, nowMs)
    : readNamedPeriod(asked.period ?? DEFAULT_PERIOD, zone, nowMs);
  const param = isExplicit(asked) ? 'start' : 'period';
  if (endMs - startMs > MAX_DAYS * DAY_MS) {
    throw invalid(param, `At most ${MAX_DAYS} days at once. Ask for one part after the other.`);
  }
  if (startMs >= endMs) {
    throw invalid(param, 'The period must begin at least a minute before it ends, and before now.');
  }
  return { startMs: toKept(startMs, nowMs), endMs: toKept(endMs, nowMs) };
}

/** Since when there are roll-ups by minute. */
export function minutesKeptSince(nowMs: number): number {
  // The first of these days may be gone in part by the time that it is read.
  return Math.floor(nowMs / DAY_MS) * DAY_MS - (MINUTES_KEPT_DAYS - 1) * DAY_MS;
}

/** The boundary itself, or the hour it is in where there are no roll-ups by minute any more. */
export function toKept(boundaryMs: number, nowMs: number): number {
  return boundaryMs < minutesKeptSince(nowMs) ? boundaryMs - (boundaryMs % HOUR_MS) : boundaryMs;
}

function isExplicit({ start, end }: AskedPeriod): boolean {
  return isGiven(start) || isGiven(end);
}

function readStartAndEnd(asked: AskedPeriod, zone: TimeZone, nowMs: number): Period {
  const { period, start, end } = asked;
  if (isGiven(period)) throw invalid('period', 'Give either a period or start and end.');
  if (!isGiven(start)) throw invalid('start', 'An end needs a start.');
  const endMs = isGiven(end) ? readTime('end', end, zone) : Infinity;
  return { startMs: readTime('start', start, zone), endMs: Math.min(endMs, endOfMinute(nowMs)) };
}

/** A date is its midnight in the time zone. Seconds are cut off. */
function readTime(param: 'start' | 'end', text: string, zone: TimeZone): number {
  const [isDate, year, month, day] = DATE.exec(text) ?? [];
  const wall = Date.UTC(Number(year), Number(month) - 1, Number(day));
  if (
    isDate !== undefined &&
    wall >= EARLIEST_MS &&
    new Date(wall).toISOString().startsWith(text)
  ) {
    return zone.instantOf(wall);
  }
  const ms = TIME.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms) || ms < EARLIEST_MS) {
    throw invalid(
      param,
      `${param} must be a date such as 2027-01-31, or a time with its offset such as 2027-01-31T09:30:00Z`,
    );
  }
  return ms - (ms % MINUTE_MS);
}

function readNamedPeriod(name: string, zone: TimeZone, nowMs: number): Period {
  const endMs = endOfMinute(nowMs);
  const lengthMs = ROLLING_PERIOD.test(name) ? parseDuration(name) : null;
  if (lengthMs !== null) return { startMs: endMs - lengthMs, endMs };
  if (name === 'today') return { startMs: startOf('day', nowMs, zone), endMs };
  if (name === 'yesterday') return before(startOf('day', nowMs, zone), 'day', zone);
  const [, which, unit] = CALENDAR_PERIODS.exec(name) ?? [];
  if (unit !== 'week' && unit !== 'month') {
    throw invalid(
      'period',
      'period must be hours or days such as 24h or 30d, or one of today, yesterday, this_week, last_week, this_month, last_month',
    );
  }
  const startMs = startOf(unit, nowMs, zone);
  return which === 'this' ? { startMs, endMs } : before(startMs, unit, zone);
}

function before(endMs: number, unit: 'day' | 'week' | 'month', zone: TimeZone): Period {
  return { startMs: startOf(unit, endMs - 1, zone), endMs };
}

function endOfMinute(nowMs: number): number {
  return nowMs - (nowMs % MINUTE_MS) + MINUTE_MS;
}

export function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { message, param });
}
