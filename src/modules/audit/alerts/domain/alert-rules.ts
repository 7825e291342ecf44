import type { ErrorCode } from '#common/errors/error-codes.js';
import { NANOS_PER_USD } from '#common/money/money.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Many refusals or failures within a stretch of time. */
export type CountRule = {
  readonly kind: 'count';
  /** Which refusals count; `null`: every refusal and failure, but for those that other rules count. */
  readonly codes: readonly ErrorCode[] | null;
  readonly atLeast: number;
  readonly withinMs: number;
  /** Only different paths count. */
  readonly isOfPaths: boolean;
};
/** Used from a country where it was never used before. */
export type NewCountryRule = { readonly kind: 'new_country'; readonly learnMs: number };
/** Used from two countries that are too far from each other for the time between. */
export type TravelRule = {
  readonly kind: 'travel';
  readonly maxKmPerHour: number;
  readonly minKm: number;
  readonly learnMs: number;
};
/** Costs far more within an hour than it does usually. */
export type CostRule = {
  readonly kind: 'cost';
  readonly factor: number;
  readonly atLeastNanos: bigint;
};

export type AlertRule = (CountRule | NewCountryRule | TravelRule | CostRule) & {
  /** As people read it; never changed. */
  readonly name: string;
  /** Whether the key is disabled, where its organization wants that of suspicious keys. */
  readonly disables: boolean;
  /** How long it says nothing more of a key after an alert. */
  readonly quietMs: number;
};

/** What looks like somebody else's use of a key, as docs/alerts.md explains. */
export const ALERT_RULES = [
  {
    name: 'failure_burst',
    kind: 'count',
    codes: null,
    atLeast: 20,
    withinMs: 5 * MINUTE_MS,
    isOfPaths: false,
    disables: false,
    quietMs: HOUR_MS,
  },
  {
    name: 'forged_signatures',
    kind: 'count',
    codes: ['signature_invalid', 'nonce_replayed'],
    atLeast: 5,
    withinMs: 5 * MINUTE_MS,
    isOfPaths: false,
    disables: true,
    quietMs: HOUR_MS,
  },
  {
    name: 'foreign_ids',
    kind: 'count',
    codes: ['not_found'],
    atLeast: 20,
    withinMs: 10 * MINUTE_MS,
    isOfPaths: true,
    disables: true,
    quietMs: HOUR_MS,
  },
  {
    name: 'dead_key_used',
    kind: 'count',
    codes: ['revoked_api_key'],
    atLeast: 1,
    withinMs: MINUTE_MS,
    isOfPaths: false,
    disables: false,
    quietMs: DAY_MS,
  },
  { name: 'new_country', kind: 'new_country', learnMs: DAY_MS, disables: false, quietMs: 0 },
  {
    name: 'impossible_travel',
    kind: 'travel',
    maxKmPerHour: 1_000,
    minKm: 500,
    learnMs: DAY_MS,
    disables: true,
    quietMs: HOUR_MS,
  },
  {
    name: 'sudden_cost',
    kind: 'cost',
    factor: 10,
    atLeastNanos: 5n * NANOS_PER_USD,
    disables: true,
    quietMs: DAY_MS,
  },
] as const satisfies readonly AlertRule[];
