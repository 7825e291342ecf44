import { AppError } from '#common/errors/app-error.js';

const DAY_MS = 86_400_000;
const EARLIEST_MS = Date.UTC(2020, 0, 1);
const DEFAULT_DAYS = 30;
const MAX_DAYS = 400;
/** The clock of the instance that wrote a record may be ahead of ours. */
const MAX_AHEAD_MS = DAY_MS;

export type Period = { readonly from: Date; readonly to: Date };

/**
 * From `start`, 30 days before the end unless said, up to `end`, now unless said.
 * @param now milliseconds since the Unix epoch
 * @throws {AppError} `invalid_request` when it is empty, or longer than 400 days
 */
export function periodOf(
  { start, end }: { readonly start?: Date; readonly end?: Date },
  now: number,
): Period {
  if (end) assertStorable(end, 'end');
  if (start) assertStorable(start, 'start');
  const to = Math.min(end?.getTime() ?? Infinity, now + MAX_AHEAD_MS);
  const from = start?.getTime() ?? Math.min(to, now) - DEFAULT_DAYS * DAY_MS;
  if (from >= to) throw invalid('start', 'must be before end, and not in the future');
  if (to - from > (MAX_DAYS + 1) * DAY_MS)
    throw invalid('start', `must be at most ${MAX_DAYS} days before end`);
  return { from: new Date(from), to: new Date(to) };
}

/** @throws {AppError} `invalid_request` naming `param` for a time at which nothing was there to be recorded */
export function assertStorable(time: Date, param: string): void {
  if (time.getTime() < EARLIEST_MS) throw invalid(param, 'must not be before 2020');
}

function invalid(param: string, message: string): AppError {
  return new AppError('invalid_request', { message: `${param} ${message}.`, param });
}
