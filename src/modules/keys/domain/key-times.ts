import { AppError } from '#common/errors/app-error.js';
import { parseDuration } from '#common/time/duration.js';

/** With a zone, so that it means the same everywhere. */
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * A time to come: written as a duration from now (`30m`, `1h`, `7d`) or as an ISO 8601 time.
 * @throws {AppError} `invalid_request` naming `param`
 */
export function timeOf(text: string, param: string, now: number): Date {
  const duration = parseDuration(text);
  const time = duration === null ? (ISO_TIME.test(text) ? Date.parse(text) : NaN) : now + duration;
  if (Number.isNaN(time)) {
    const message = `${param} must be a duration such as 30m, 1h or 7d, or an ISO 8601 time with its zone.`;
    throw new AppError('invalid_request', { message, param });
  }
  return futureTime(new Date(time), param, now);
}

/** @throws {AppError} `invalid_request` naming `param` */
export function futureTime(time: Date, param: string, now: number): Date {
  if (time.getTime() > now) return time;
  throw new AppError('invalid_request', { message: `${param} must be in the future.`, param });
}
