/** In the order of the figures of {@link Amounts}. */
export const METRICS = [
  'requests',
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'cost',
  'parallel_requests',
] as const;
/** `credit` is money too: what an organization has paid in and not used up, over all time. */
export type Metric = (typeof METRICS)[number] | 'credit';
export const WINDOWS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'none'] as const;
export type AllowanceWindow = (typeof WINDOWS)[number];
export const SUBJECTS = ['key', 'user', 'team', 'project', 'organization'] as const;
export type Subject = (typeof SUBJECTS)[number];

/** A limit on what a subject may use in a window of the UTC calendar. `none`: parallel requests and credit, which have no window. */
export type Allowance = {
  readonly organizationId: string;
  readonly subject: Subject;
  readonly subjectId: string;
  readonly metric: Metric;
  readonly window: AllowanceWindow;
  /** A whole number, at most 2^53 - 1; nano-dollars for `cost`. 0 for `credit`: how much there is stands in the store alone. */
  readonly limit: number;
  /** What a limit per second lets through at once; `null` for all others. */
  readonly burst: number | null;
  /** Name or pattern of the models whose calls count; `null`: all. */
  readonly model: string | null;
  /** The share of the limit, above 0 and at most 1, at which somebody is told; `null`: at 100 % only. */
  readonly alertThreshold: number | null;
};

/** What names an allowance, whatever its limit is at the moment: a key keeps what it used when its secret or limit changes. */
export function allowanceId({ subject, subjectId, metric, window, model }: Allowance): string {
  return `${subject}:${subjectId}:${metric}:${window}${model === null ? '' : `:${model}`}`;
}

/** What every call of an organization that costs something is paid from. */
export function creditOf(organizationId: string): Allowance {
  return {
    organizationId,
    subject: 'organization',
    subjectId: organizationId,
    metric: 'credit',
    window: 'none',
    limit: 0,
    burst: null,
    model: null,
    alertThreshold: null,
  };
}

/** What changes quickest and is soon over. Never money: that has to outlive a store that can be emptied. */
export function isShortLived({ metric, window }: Allowance): boolean {
  return metric !== 'cost' && (window === 'second' || window === 'minute');
}
