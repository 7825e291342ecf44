import { AppError } from '#common/errors/app-error.js';
import { isGiven } from '#common/validation/given.js';

/** So long the secrets that were replaced go on, unless said. */
export const DEFAULT_GRACE_HOURS = 24;
export const MAX_GRACE_HOURS = 720;
const HOUR_MS = 3_600_000;
/** A time that is no longer past counts as now: it was so when it was sent, by the sender's clock. */
const PRESENT_MS = 60_000;

export type RequestedGrace = {
  readonly invalidate_old?: boolean | null;
  /** 0 to {@link MAX_GRACE_HOURS}. */
  readonly grace_period_hours?: number | null;
};

/** When a key ends by itself, as far as that is known. */
type EndingKey = { readonly expiresAt: Date | null; readonly revokedAt: Date | null };

/**
 * How long the old secrets are to be good yet, in milliseconds.
 * @throws {AppError} `invalid_request` where the two fields contradict each other
 */
export function gracePeriod({
  invalidate_old: endsOld,
  grace_period_hours: hours,
}: RequestedGrace): number {
  if (isGiven(endsOld) && isGiven(hours) && endsOld !== (hours === 0)) {
    throw refusal(
      'grace_period_hours',
      `grace_period_hours: ${hours} and invalidate_old: ${endsOld} contradict each other.`,
    );
  }
  return endsOld === true ? 0 : Math.round((hours ?? DEFAULT_GRACE_HOURS) * HOUR_MS);
}

/** When the old secrets end: after the grace period, or with the key. */
export function cutOffAfter(graceMs: number, key: EndingKey, now: Date): Date {
  return new Date(Math.min(now.getTime() + graceMs, endOf(key)));
}

/**
 * When the old secrets end where somebody names a time.
 * @throws {AppError} `invalid_request` naming `old_key_expires_at`
 */
export function cutOffAt(asked: Date, key: EndingKey, now: Date): Date {
  const [at, nowMs] = [asked.getTime(), now.getTime()];
  if (at < nowMs - PRESENT_MS) throw refused('must be in the future, or now');
  if (at > endOf(key)) throw refused('must not be later than the key’s own end');
  if (at > nowMs + MAX_GRACE_HOURS * HOUR_MS) {
    throw refused(`must be within ${MAX_GRACE_HOURS} hours from now`);
  }
  return new Date(Math.max(at, nowMs));
}

function endOf({ expiresAt, revokedAt }: EndingKey): number {
  return Math.min(expiresAt?.getTime() ?? Infinity, revokedAt?.getTime() ?? Infinity);
}

function refused(what: string): AppError {
  return refusal('old_key_expires_at', `old_key_expires_at ${what}.`);
}

function refusal(param: string, message: string): AppError {
  return new AppError('invalid_request', { message, param });
}
