import { type CronExpression, CronExpressionParser } from 'cron-parser';

import { AppError } from '#common/errors/app-error.js';
import { TimeZone } from '#common/time/time-zone.js';

const EXAMPLE = '0 3 1 * * (at 03:00 on the first of each month)';
/** Minute, hour, day of month, month, day of week. The library takes more: seconds, nicknames, and random times (`H`). */
const FIVE_FIELDS = /^[\d*,/?#A-GI-Z-]+(?: [\d*,/?#A-GI-Z-]+){4}$/i;
/** How far apart a wall clock's reading and the time of it can be, in all the zones there are, and a change of the clock. */
const MAX_SHIFT_MS = 4 * 3_600_000;

/**
 * When a key is rotated: a cron expression, read on the wall clock of a place. A time that the clock is set forward past
 * comes once, as much later as the clock was set; one that it shows twice comes once, the first time.
 */
export class CronSchedule {
  private constructor(
    private readonly expression: string,
    private readonly zone: TimeZone,
  ) {}

  /**
   * @param expression five fields, e.g. `0 3 1 * *`, with one minute, which is what keeps it from being more than hourly
   * @param timeZone IANA name
   * @param now where it must come after, at least once. Milliseconds since the epoch
   * @throws {AppError} `invalid_request` naming `schedule` or `time_zone`
   */
  static of(expression: string, timeZone: string, now: number): CronSchedule {
    const zone = TimeZone.named(timeZone);
    if (!zone) {
      throw invalid('time_zone', 'must be the IANA name of a time zone, such as Europe/Berlin');
    }
    if (!FIVE_FIELDS.test(expression)) {
      throw invalid('schedule', `must be a cron expression of five fields, such as ${EXAMPLE}`);
    }
    const minutes = read(expression, now, (cron) => {
      cron.next();
      return cron.fields.minute.values.length;
    });
    if (minutes > 1) {
      throw invalid('schedule', `must not come more often than once an hour, as ${EXAMPLE} does`);
    }
    return new CronSchedule(expression, zone);
  }

  /** The first one after `now`. Milliseconds since the epoch. */
  nextAfter(now: number): number {
    const wall = this.zone.wallOf(now);
    return read(this.expression, wall - MAX_SHIFT_MS, (cron) => {
      let next = Number.POSITIVE_INFINITY;
      let reading = cron.next().getTime();
      // A time that was skipped can come after one that the clock shows later.
      while (next === Number.POSITIVE_INFINITY || reading < this.zone.wallOf(next) + MAX_SHIFT_MS) {
        const instant = this.zone.instantOf(reading);
        if (instant > now && instant < next) next = instant;
        reading = cron.next().getTime();
      }
      return next;
    });
  }
}

/** On the wall clock alone, for which the library is told that it is UTC's. */
function read<Result>(
  expression: string,
  from: number,
  work: (cron: CronExpression) => Result,
): Result {
  try {
    return work(CronExpressionParser.parse(expression, { tz: 'UTC', currentDate: new Date(from) }));
  } catch (cause) {
    const why = cause instanceof Error ? ` (${cause.message})` : '';
    throw invalid(
      'schedule',
      `must be a cron expression that comes again, such as ${EXAMPLE}${why}`,
    );
  }
}

function invalid(param: string, rule: string): AppError {
  return new AppError('invalid_request', { message: `${param} ${rule}.`, param });
}
