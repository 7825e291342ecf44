const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** How long after each failed attempt the next one is made: the example schedule of Standard Webhooks 1.0.0. */
const DELAYS_MS = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;
/** No receiver can put an attempt off for longer. */
const MAX_RETRY_AFTER_MS = 24 * HOUR_MS;
/** So that what failed together does not come back together. */
const MAX_JITTER = 0.1;

/**
 * How long to wait for the next attempt, in ms; `null` when there is none.
 * @param attempts that have been made, the one that has just failed included
 * @param retryAfterMs what the receiver asks for; it can only make the wait longer
 * @param random from 0 to 1
 */
export function delayAfter(
  attempts: number,
  retryAfterMs: number | null,
  random: number,
): number | null {
  const delay = DELAYS_MS[attempts - 1];
  if (delay === undefined) return null;
  const jittered = Math.round(delay * (1 + MAX_JITTER * random));
  return Math.max(jittered, Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS));
}
