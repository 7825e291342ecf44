import type { TimeZone } from '#common/time/time-zone.js';

import { DAY_MS, type Granularity, HOUR_MS, nextStart } from './calendar.js';
import { invalid, minutesKeptSince, type Period, toKept } from './period.js';

export const MAX_POINTS = 1_500;

/** What is read well: the first whose bound the period is not longer than. */
const DEFAULTS: readonly (readonly [number, Granularity])[] = [
  [3 * HOUR_MS, 'minute'],
  [4 * DAY_MS, 'hour'],
  [100 * DAY_MS, 'day'],
];

export function defaultGranularity({ startMs, endMs }: Period): Granularity {
  return DEFAULTS.find(([bound]) => endMs - startMs <= bound)?.[1] ?? 'week';
}

/**
 * The starts of a series' points and the last one's end. The first and the last point are cut off where the period is.
 * @throws {AppError} `invalid_request` where there would be too many, or minutes that are not kept
 */
export function seriesBoundaries(
  { startMs, endMs }: Period,
  granularity: Granularity,
  zone: TimeZone,
  nowMs: number,
): number[] {
  if (granularity === 'minute' && startMs < minutesKeptSince(nowMs)) {
    const since = new Date(minutesKeptSince(nowMs)).toISOString().slice(0, 10);
    throw invalid('granularity', `Minutes are kept since ${since} only. Ask for hours or days.`);
  }
  const boundaries = [startMs];
  let next = nextStart(granularity, startMs, zone);
  for (; next < endMs; next = nextStart(granularity, next, zone)) {
    if (boundaries.length === MAX_POINTS) {
      throw invalid(
        'granularity',
        `The series would have more than ${MAX_POINTS} points. Ask for a coarser granularity or a shorter period.`,
      );
    }
    const kept = toKept(next, nowMs);
    if (kept > startMs) boundaries.push(kept);
  }
  return [...boundaries, endMs];
}
