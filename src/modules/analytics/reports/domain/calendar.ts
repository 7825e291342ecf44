import type { TimeZone } from '#common/time/time-zone.js';

export const GRANULARITIES = ['minute', 'hour', 'day', 'week', 'month'] as const;
export type Granularity = (typeof GRANULARITIES)[number];

export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
/** The first Monday after the epoch. */
const MONDAY_MS = 4 * DAY_MS;

/** When the minute, hour, day … of the wall clock that an instant is in began. Weeks begin on Monday. */
export function startOf(granularity: Granularity, instantMs: number, zone: TimeZone): number {
  // Within the hour, counted back from the instant: the wall clock may show the same hour twice.
  if (granularity === 'minute') return instantMs - (instantMs % MINUTE_MS);
  const wall = zone.wallOf(instantMs);
  if (granularity === 'hour') return instantMs - (instantMs % 1_000) - (wall % HOUR_MS);
  return zone.instantOf(startOfWall(granularity, wall));
}

/** When the next one begins, always later than the instant. */
export function nextStart(granularity: Granularity, instantMs: number, zone: TimeZone): number {
  if (granularity === 'minute') return startOf('minute', instantMs, zone) + MINUTE_MS;
  if (granularity === 'hour') return startOf('hour', instantMs, zone) + HOUR_MS;
  const start = startOfWall(granularity, zone.wallOf(instantMs));
  return zone.instantOf(nextWall(granularity, start));
}

function startOfWall(granularity: 'day' | 'week' | 'month', wallMs: number): number {
  const day = Math.floor(wallMs / DAY_MS) * DAY_MS;
  if (granularity === 'day') return day;
  if (granularity === 'week') return day - ((day - MONDAY_MS) % (7 * DAY_MS));
  const date = new Date(day);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function nextWall(granularity: 'day' | 'week' | 'month', startMs: number): number {
  if (granularity === 'day') return startMs + DAY_MS;
  if (granularity === 'week') return startMs + 7 * DAY_MS;
  const date = new Date(startMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}
