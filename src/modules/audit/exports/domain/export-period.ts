import { AppError } from '#common/errors/app-error.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ROLLING_MS = {
  last_24h: DAY_MS,
  last_7d: 7 * DAY_MS,
  last_30d: 30 * DAY_MS,
  last_90d: 90 * DAY_MS,
  last_365d: 365 * DAY_MS,
} as const;
/** In months; each begins on a multiple of itself. */
const CALENDAR_MONTHS = { last_month: 1, last_quarter: 3, last_year: 12 } as const;

export const EXPORT_PERIODS = [
  'last_24h',
  'last_7d',
  'last_30d',
  'last_90d',
  'last_365d',
  'last_month',
  'last_quarter',
  'last_year',
] as const satisfies (keyof typeof ROLLING_MS | keyof typeof CALENDAR_MONTHS)[];
export type ExportPeriod = (typeof EXPORT_PERIODS)[number];

/** Before there was anything to be recorded. */
const EARLIEST = new Date(Date.UTC(2020, 0, 1));
const DATE = /^\d{4}-\d{2}-\d{2}$/;

export type AskedPeriod = {
  readonly period?: ExportPeriod;
  readonly start_date?: string;
  readonly end_date?: string;
};
export type TimeSpan = { readonly from: Date; readonly to: Date };

/**
 * What `period`, or the dates, mean at `now`, in UTC; everything up to now where nothing is said. What is yet to come is cut off.
 * @param now milliseconds since the Unix epoch
 * @throws {AppError} `invalid_request` for both at once, for what is no date, and where nothing is between the two
 */
export function timeSpanOf(
  { period, start_date: start, end_date: end }: AskedPeriod,
  now: number,
): TimeSpan {
  if (period) {
    if (start !== undefined || end !== undefined)
      throw invalid('period', 'Give a period or dates, not both.');
    return spanOfPeriod(period, now);
  }
  const from = start === undefined ? EARLIEST : momentOf(start, 'start_date');
  const asked = end === undefined ? now : momentOf(end, 'end_date') + dayOf(end);
  const to = Math.min(asked, now);
  if (Number(from) >= to)
    throw invalid('start_date', 'start_date must be before end_date, and not in the future.');
  return { from: new Date(Math.max(Number(from), EARLIEST.getTime())), to: new Date(to) };
}

function spanOfPeriod(period: ExportPeriod, now: number): TimeSpan {
  if (period in ROLLING_MS) {
    const lengthMs = ROLLING_MS[period as keyof typeof ROLLING_MS];
    return { from: new Date(now - lengthMs), to: new Date(now) };
  }
  const months = CALENDAR_MONTHS[period as keyof typeof CALENDAR_MONTHS];
  const today = new Date(now);
  const begun = Math.floor(today.getUTCMonth() / months) * months;
  const monthAt = (month: number): Date => new Date(Date.UTC(today.getUTCFullYear(), month, 1));
  return { from: monthAt(begun - months), to: monthAt(begun) };
}

function momentOf(text: string, param: string): number {
  const moment = Date.parse(text);
  if (Number.isNaN(moment))
    throw invalid(param, `${param} must be a date, or a time such as 2026-11-28T09:00:00Z.`);
  return moment;
}

/** A date as the end has its day in it. */
function dayOf(end: string): number {
  return DATE.test(end) ? DAY_MS : 0;
}

function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { message, param });
}
