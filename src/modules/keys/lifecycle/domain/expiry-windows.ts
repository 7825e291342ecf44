const DAY_MS = 86_400_000;

/** Nobody wants to hear of what is older, unless no worker was there to tell of it. */
const MAX_NEWS_AGE_MS = 7 * DAY_MS;

/**
 * How far a sweep at `now` looks back, in ms: a week, and the time for which there was no other.
 * @param sweptUntil when the last one was that told of all; `null`: there was none
 */
export function newsAgeMax(sweptUntil: Date | null, now: Date): number {
  const awayMs = sweptUntil === null ? 0 : now.getTime() - sweptUntil.getTime();
  return MAX_NEWS_AGE_MS + Math.max(0, awayMs);
}

/** Keys that expire after `after` and until `until` are to be told of: `days` before they expire, `0` once they have. */
export type ExpiryWindow = {
  readonly days: number;
  readonly after: Date;
  readonly until: Date;
};

/**
 * What is to be told of expiries at `now`. The windows do not overlap: of a key only the nearest of the reminders whose time
 * has come is told, and once it has expired, only that.
 * @param maxAgeMs what is as old, or older, is not told
 */
export function expiryWindows(
  reminderDays: readonly number[],
  now: number,
  maxAgeMs: number,
): ExpiryWindow[] {
  const days = [0, ...[...reminderDays].sort((one, other) => one - other)];
  return days.flatMap((day, index) => {
    const until = now + day * DAY_MS;
    const nearer = index === 0 ? -Infinity : now + (days[index - 1] as number) * DAY_MS;
    const after = Math.max(nearer, until - maxAgeMs);
    return [{ days: day, after: new Date(after), until: new Date(until) }];
  });
}
