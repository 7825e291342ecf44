import type { Allowance } from './allowance.js';

/** Milliseconds since the epoch; `endsAt` is the first one that is not in it. */
export type Window = { readonly startsAt: number; readonly endsAt: number };

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** The epoch was a Thursday; weeks begin on Monday (ISO 8601). */
const FIRST_MONDAY_MS = 4 * DAY_MS;
const EVER: Window = { startsAt: 0, endsAt: Number.POSITIVE_INFINITY };
/** The last moment that a `Date` can name: what was used of credit is used for good, whoever is heard of. */
const ALL_TIME: Window = { startsAt: 0, endsAt: 8.64e15 };

/** The window of the UTC calendar that `now` is in. Limits per second are a rate and have no edges, so theirs is `none`. */
export function windowAt(
  { window, metric }: Pick<Allowance, 'window' | 'metric'>,
  now: number,
): Window {
  switch (window) {
    case 'minute':
      return aligned(now, MINUTE_MS, 0);
    case 'hour':
      return aligned(now, HOUR_MS, 0);
    case 'day':
      return aligned(now, DAY_MS, 0);
    case 'week':
      return aligned(now, WEEK_MS, FIRST_MONDAY_MS);
    case 'month':
      return monthOf(new Date(now));
    case 'second':
      return EVER;
    case 'none':
      return metric === 'credit' ? ALL_TIME : EVER;
  }
}

function aligned(now: number, lengthMs: number, firstMs: number): Window {
  const startsAt = Math.floor((now - firstMs) / lengthMs) * lengthMs + firstMs;
  return { startsAt, endsAt: startsAt + lengthMs };
}

function monthOf(date: Date): Window {
  const year = date.getUTCFullYear();
  const month = date.getUTCMonth();
  return { startsAt: Date.UTC(year, month), endsAt: Date.UTC(year, month + 1) };
}
