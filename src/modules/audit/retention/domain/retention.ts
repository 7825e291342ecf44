const DAY_MS = 86_400_000;
/** So long before it counts everybody can see that there is to be less. */
export const NOTICE_MS = 7 * DAY_MS;

/** For how many days entries are kept, and what is to count instead, from a time in ms on. */
export type Retention = {
  readonly days: number;
  readonly shorter: { readonly days: number; readonly from: number } | null;
};

/**
 * More counts at once, also for what was written before. Less counts a week after it was first seen: who has broken in and wants to be
 * rid of what tells of it, or has made a mistake, can be stopped until then.
 */
export function retentionFrom(known: Retention, wanted: number, now: number): Retention {
  if (wanted >= known.days) return { days: wanted, shorter: null };
  const { shorter } = known;
  if (shorter === null || wanted < shorter.days) {
    return { days: known.days, shorter: { days: wanted, from: now + NOTICE_MS } };
  }
  if (now < shorter.from)
    return { days: known.days, shorter: { days: wanted, from: shorter.from } };
  return { days: wanted, shorter: null };
}
