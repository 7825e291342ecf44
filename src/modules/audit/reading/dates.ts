import { AppError } from '#common/errors/app-error.js';

const DAY_MS = 86_400_000;
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2200, 0, 1);
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** `from` is part of it, `to` is not; `null`: without end. */
export type Dates = { readonly from: Date | null; readonly to: Date | null };

type AskedDates = {
  readonly start_date?: string | null | undefined;
  readonly end_date?: string | null | undefined;
};

/**
 * Dates are days in UTC: one as the end includes its day. A time as the end does not include itself.
 * @throws {AppError} `invalid_request` that names the parameter
 */
export function datesOf({ start_date: start, end_date: end }: AskedDates): Dates {
  const from = momentOf('start_date', start, 0);
  const to = momentOf('end_date', end, DAY_MS);
  if (from && to && from >= to) throw invalid('start_date', 'start_date must be before end_date.');
  return { from, to };
}

/** @param lengthMs what is added to a date */
function momentOf(param: string, text: string | null | undefined, lengthMs: number): Date | null {
  if (text === undefined || text === null) return null;
  const isDate = DATE.test(text);
  const ms = isDate || TIME.test(text) ? Date.parse(text) : NaN;
  // Date.parse takes 31 February for 3 March.
  const isReal = !Number.isNaN(ms) && (!isDate || new Date(ms).toISOString().startsWith(text));
  if (!isReal || ms < EARLIEST_MS || ms > LATEST_MS) {
    throw invalid(
      param,
      `${param} must be a date such as 2027-01-31, or a time with its offset such as 2027-01-31T09:30:00Z.`,
    );
  }
  return new Date(isDate ? ms + lengthMs : ms);
}

function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { message, param });
}
