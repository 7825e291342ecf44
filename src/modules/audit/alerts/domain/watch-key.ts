import type { AlertRule, CostRule, CountRule, NewCountryRule, TravelRule } from './alert-rules.js';
import { kmBetween } from './distance.js';

const HOUR_MS = 3_600_000;
/** A country that a key was not used from for so long is new again. */
const FORGET_MS = 90 * 24 * HOUR_MS;
/** Of each rule. More are not needed to see that there are many. */
const MAX_TIMES = 200;

/** What a key has to do with the stream of events; times in milliseconds since the epoch. */
export type WatchedEvent =
  | { readonly kind: 'used'; readonly at: number; readonly country: string | null }
  | {
      readonly kind: 'refused';
      readonly at: number;
      readonly code: string;
      readonly path: string;
      /** How many it stands for. */
      readonly times: number;
    }
  | {
      readonly kind: 'spent';
      readonly at: number;
      /** Within the last hour, and in an hour on average before. */
      readonly nanos: bigint;
      readonly usualNanos: bigint;
    };

/** What is remembered of a key between events: JSON. */
export type KeyHistory = {
  /** By rule: when, how many, and where that counts, which path. */
  readonly counted: Readonly<Record<string, readonly (readonly [number, number, string])[]>>;
  /** By country: when it was used from there first and last. */
  readonly countries: Readonly<Record<string, readonly [number, number]>>;
  readonly firstUsedAt: number | null;
  readonly lastUse: { readonly country: string; readonly at: number } | null;
  /** By rule: when there was an alert last. */
  readonly alertedAt: Readonly<Record<string, number>>;
};

export const NO_HISTORY: KeyHistory = {
  counted: {},
  countries: {},
  firstUsedAt: null,
  lastUse: null,
  alertedAt: {},
};

export type Alert = {
  readonly rule: string;
  readonly at: number;
  readonly disables: boolean;
  /** What is to be said of it. */
  readonly facts: Readonly<Record<string, unknown>>;
};

/** What an event means for a key, by what was seen of it before. Pure: the same stream gives the same alerts. */
export function watchKey(
  rules: readonly AlertRule[],
  history: KeyHistory,
  event: WatchedEvent,
): { readonly history: KeyHistory; readonly alerts: readonly Alert[] } {
  const counted = event.kind === 'refused' ? count(rules, history, event) : history.counted;
  const seen = { ...history, counted };
  const alerts = rules.flatMap((rule): Alert[] => {
    const facts = factsOf(rule, rules, seen, event);
    const last = history.alertedAt[rule.name];
    if (!facts || (last !== undefined && event.at - last < rule.quietMs)) return [];
    return [{ rule: rule.name, at: event.at, disables: rule.disables, facts }];
  });
  const alertedAt = Object.fromEntries(alerts.map(({ rule, at }) => [rule, at]));
  const known = event.kind === 'used' ? remember(seen, event) : seen;
  return { history: { ...known, alertedAt: { ...history.alertedAt, ...alertedAt } }, alerts };
}

type Facts = Readonly<Record<string, unknown>> | null;
type Used = Extract<WatchedEvent, { kind: 'used' }>;
type Refused = Extract<WatchedEvent, { kind: 'refused' }>;
type Spent = Extract<WatchedEvent, { kind: 'spent' }>;

function factsOf(
  rule: AlertRule,
  rules: readonly AlertRule[],
  history: KeyHistory,
  event: WatchedEvent,
): Facts {
  if (rule.kind === 'count')
    return event.kind === 'refused' ? factsOfCount(rule, rules, history, event) : null;
  if (rule.kind === 'cost') return event.kind === 'spent' ? factsOfCost(rule, event) : null;
  if (event.kind !== 'used') return null;
  return rule.kind === 'travel'
    ? factsOfTravel(rule, history, event)
    : factsOfCountry(rule, history, event);
}

function counts(rule: CountRule, rules: readonly AlertRule[], code: string): boolean {
  if (rule.codes !== null) return rule.codes.some((one) => one === code);
  return !rules.some((other) => other.kind === 'count' && other.codes?.some((one) => one === code));
}

function count(
  rules: readonly AlertRule[],
  { counted }: KeyHistory,
  { at, code, path, times }: Refused,
): KeyHistory['counted'] {
  const all = { ...counted };
  for (const rule of rules) {
    if (rule.kind !== 'count' || !counts(rule, rules, code)) continue;
    const recent = (counted[rule.name] ?? []).filter(([when]) => at - when < rule.withinMs);
    const next = [at, times, rule.isOfPaths ? path : ''] as const;
    all[rule.name] = [...recent, next].slice(-MAX_TIMES);
  }
  return all;
}

function factsOfCount(
  rule: CountRule & { readonly name: string },
  rules: readonly AlertRule[],
  { counted }: KeyHistory,
  { code }: Refused,
): Facts {
  if (!counts(rule, rules, code)) return null;
  const times = counted[rule.name] ?? [];
  const many = rule.isOfPaths
    ? new Set(times.map(([, , path]) => path)).size
    : times.reduce((sum, [, more]) => sum + more, 0);
  if (many < rule.atLeast) return null;
  return { code, count: many, within_seconds: rule.withinMs / 1_000 };
}

function factsOfCountry(rule: NewCountryRule, history: KeyHistory, { at, country }: Used): Facts {
  if (country === null || isLearning(rule.learnMs, history, at)) return null;
  const seen = history.countries[country];
  if (seen && at - seen[1] < FORGET_MS) return null;
  return { country, known_countries: Object.keys(history.countries).sort() };
}

/** Between countries that it is used from usually nobody travels: it is used in both. */
function factsOfTravel(rule: TravelRule, history: KeyHistory, { at, country }: Used): Facts {
  const { lastUse, countries } = history;
  if (country === null || lastUse === null || isLearning(rule.learnMs, history, at)) return null;
  const known = countries[country];
  if (known && at - known[0] >= rule.learnMs) return null;
  const km = kmBetween(lastUse.country, country);
  const hours = Math.max(0, at - lastUse.at) / HOUR_MS;
  if (km < rule.minKm || km <= hours * rule.maxKmPerHour) return null;
  return {
    from: lastUse.country,
    to: country,
    at_least_km: Math.round(km),
    minutes: Math.round(hours * 60),
  };
}

function factsOfCost(rule: CostRule, { nanos, usualNanos }: Spent): Facts {
  if (nanos < rule.atLeastNanos || nanos < usualNanos * BigInt(rule.factor)) return null;
  return { cost_nanos: nanos.toString(), usual_cost_nanos: usualNanos.toString() };
}

function isLearning(learnMs: number, { firstUsedAt }: KeyHistory, at: number): boolean {
  return firstUsedAt === null || at - firstUsedAt < learnMs;
}

function remember(history: KeyHistory, { at, country }: Used): KeyHistory {
  const firstUsedAt = history.firstUsedAt ?? at;
  if (country === null) return { ...history, firstUsedAt };
  const first = history.countries[country]?.[0] ?? at;
  return {
    ...history,
    firstUsedAt,
    countries: { ...history.countries, [country]: [first, at] },
    lastUse: { country, at },
  };
}
