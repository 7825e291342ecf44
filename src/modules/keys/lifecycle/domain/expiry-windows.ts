const DAY_MS = 86_400_000;

/** Nobody wants to hear of what is older, so what a worker finds after a long time stays untold. */
export const MAX_NEWS_AGE_MS = 7 * DAY_MS;

/** Keys that expire after `after` and until `until` are to be told of: `days` before they expire, `0` once they have. */
export type ExpiryWindow = {
  readonly days: number;
  readonly after: Date;
  readonly until: Date;
};

/**
 * What is to be told of expiries at `now`. The windows do not overlap: of a key only the nearest of the reminders whose time
 * has come is told, and once it has expired, only that.
 */
export function expiryWindows(reminderDays: readonly number[], now: number): ExpiryWindow[] {
  const days = [0, ...[...reminderDays].sort((one, other) => one - other)];
  return days.flatMap((day, index) => {
    const until = now + day * DAY_MS;
    const nearer = index === 0 ? -Infinity : now + (days[index - 1] as number) * DAY_MS;
    const after = Math.max(nearer, until - MAX_NEWS_AGE_MS);
    return [{ days: day, after: new Date(after), until: new Date(until) }];
  });
}
