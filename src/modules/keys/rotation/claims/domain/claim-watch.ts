const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** How long before a scheduled rotation it is announced. */
export const NOTICE_MS = 24 * HOUR_MS;
/** By how much the end of an old secret is moved on. */
export const EXTENSION_MS = 24 * HOUR_MS;

/** What is due while nobody claims the new secret. `decide`: whether the old one ends. */
export type Step = 'remind_at_half' | 'remind_at_last_hour' | 'decide';

type Moment = { readonly step: Step; readonly at: number };

/** In order. Times in milliseconds since the epoch. */
function momentsOf(createdAt: Date, endsAt: Date): Moment[] {
  const span = endsAt.getTime() - createdAt.getTime();
  // While there is time left for a worker that is late.
  const lead = Math.max(MINUTE_MS, Math.min(30 * MINUTE_MS, span / 4));
  const decideAt = endsAt.getTime() - lead;
  const half = createdAt.getTime() + span / 2;
  const lastHour = endsAt.getTime() - HOUR_MS;
  return [
    ...(half < decideAt ? [{ step: 'remind_at_half', at: half } as const] : []),
    ...(lastHour > half ? [{ step: 'remind_at_last_hour', at: lastHour } as const] : []),
    { step: 'decide', at: decideAt },
  ];
}

/** The latest step whose time has come: what was missed before it needs no doing any more. */
export function stepAt(now: number, createdAt: Date, endsAt: Date): Step | null {
  return momentsOf(createdAt, endsAt).findLast(({ at }) => at <= now)?.step ?? null;
}

/** When the next step is due; `null` after the last one. */
export function nextLook(now: number, createdAt: Date, endsAt: Date): Date | null {
  const next = momentsOf(createdAt, endsAt).find(({ at }) => at > now);
  return next ? new Date(next.at) : null;
}

/** @param createdAt of the secret that waits, at `createdAt` itself */
export function firstLook(createdAt: Date, endsAt: Date): Date {
  return nextLook(createdAt.getTime(), createdAt, endsAt) ?? createdAt;
}
