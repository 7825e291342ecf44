import { AppError } from '#common/errors/app-error.js';
import { usdNumber } from '#common/money/money.js';

import type { Allowance, Subject } from './domain/allowance.js';
import type { Window } from './domain/windows.js';

/** An allowance as people see it: cost in USD, everything else in whole numbers. */
export type LimitState = {
  readonly subject: Subject;
  readonly subject_id: string;
  readonly metric: string;
  readonly window: string;
  /** The models whose calls count; `null`: all. */
  readonly model: string | null;
  readonly limit: number;
  readonly used: number;
  readonly reserved: number;
  readonly remaining: number;
  /** ISO 8601, UTC; `null` where nothing resets. */
  readonly resets_at: string | null;
};

/** What a subject is to the key. */
const HOLDERS: Readonly<Record<Exclude<Subject, 'key'>, string>> = {
  user: 'owner',
  team: 'team',
  project: 'project',
  organization: 'organization',
};

export type LimitCode =
  'rate_limit_exceeded' | 'budget_exceeded' | 'concurrency_limit_exceeded' | 'insufficient_credits';

/** Of all instances together. */
export type Consumption = { readonly used: number; readonly reserved: number };

export function limitState(
  allowance: Allowance,
  { endsAt }: Window,
  { used, reserved }: Consumption,
): LimitState {
  const { subject, subjectId, metric, window, model, limit } = allowance;
  const show = (amount: number): number =>
    isMoney(metric) ? usdNumber(BigInt(Math.round(amount))) : amount;
  return {
    subject,
    subject_id: subjectId,
    metric,
    window,
    model,
    limit: show(limit),
    used: show(used),
    reserved: show(reserved),
    remaining: show(Math.max(0, limit - used - reserved)),
    resets_at: window !== 'none' && Number.isFinite(endsAt) ? new Date(endsAt).toISOString() : null,
  };
}

/**
 * What a caller is told when a limit has nothing left.
 * @param retryInMs until it is worth another try
 */
export function limitReached(
  state: LimitState,
  retryInMs: number,
  headers: Readonly<Record<string, string>>,
): AppError {
  // What an organization has is nobody's business who only calls a model. It comes back when somebody pays, not with time.
  if (state.metric === 'credit') return new AppError('insufficient_credits', { headers });
  const seconds = Math.max(1, Math.ceil(retryInMs / 1_000));
  return new AppError(limitCode(state), {
    message: `${describeLimit(state)} is used up. Try again in ${seconds} s.`,
    headers: { ...headers, 'retry-after': String(seconds) },
    details: { limit: state },
  });
}

/** Of a refusal because the limit has nothing left. */
export function limitCode({ metric }: Pick<LimitState, 'metric'>): LimitCode {
  if (metric === 'cost') return 'budget_exceeded';
  if (metric === 'credit') return 'insufficient_credits';
  return metric === 'parallel_requests' ? 'concurrency_limit_exceeded' : 'rate_limit_exceeded';
}

/** Shown in USD. */
function isMoney(metric: string): boolean {
  return metric === 'cost' || metric === 'credit';
}

export function describeLimit({ subject, metric, window, model, limit }: LimitState): string {
  const of = model === null ? '' : ` of ${model}`;
  const whose = subject === 'key' ? 'this API key' : `the ${HOLDERS[subject]} of this API key`;
  if (metric === 'cost') return `The budget of ${limit} USD per ${window}${of} of ${whose}`;
  if (metric === 'credit') return `The credit of the organization of this API key`;
  const what = metric.replaceAll('_', ' ');
  if (metric === 'parallel_requests') return `The limit of ${limit} ${what}${of} of ${whose}`;
  return `The limit of ${limit} ${what} per ${window}${of} of ${whose}`;
}
