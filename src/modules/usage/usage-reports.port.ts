/** Sums over calls. */
export type UsageFigures = {
  readonly requests: number;
  /** Calls answered with 400 or more, and those whose stream failed. */
  readonly errors: number;
  /** All input tokens, the cached ones included. */
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** All output tokens, those of reasoning included. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  readonly costNanos: bigint;
  /** The sum of all latencies. */
  readonly latencyMs: number;
};

const NO_USAGE: UsageFigures = {
  requests: 0,
  errors: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  costNanos: 0n,
  latencyMs: 0,
};

export function sumUsage(parts: readonly UsageFigures[]): UsageFigures {
  return parts.reduce(
    (sum, part) => ({
      requests: sum.requests + part.requests,
      errors: sum.errors + part.errors,
      inputTokens: sum.inputTokens + part.inputTokens,
      cachedInputTokens: sum.cachedInputTokens + part.cachedInputTokens,
      outputTokens: sum.outputTokens + part.outputTokens,
      reasoningTokens: sum.reasoningTokens + part.reasoningTokens,
      costNanos: sum.costNanos + part.costNanos,
      latencyMs: sum.latencyMs + part.latencyMs,
    }),
    NO_USAGE,
  );
}

/** Sums over a stretch of time, with the quantiles of its latencies: within 2 % of the exact ones. */
export type TimedUsage = UsageFigures & {
  /** Calls that were refused before they reached routing; not part of `requests`. */
  readonly refused: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
};

/** The sums of one model, provider …; `null` as a name: of all that are beyond the ten thousand that cost most. */
export type NamedUsage = UsageFigures & { readonly name: string | null };

export type UsageGrouping = 'provider' | 'status' | 'key';

export type UsageQuestion = {
  readonly organizationId: string;
  /** `null`: all calls of the organization. */
  readonly keyId: string | null;
  /** The points' starts and the last one's end: whole minutes in ms since the epoch, ascending, at least two. */
  readonly boundariesMs: readonly number[];
  /** By key only for the whole organization. */
  readonly groupBy: UsageGrouping | null;
};

/** All of one moment: what is summed by time and what is summed by name agree. */
export type UsageReport = {
  readonly total: TimedUsage;
  /** One for each stretch between two boundaries, also where nothing was used. */
  readonly points: readonly TimedUsage[];
  readonly models: readonly NamedUsage[];
  /** By set of features; the names are bit masks. */
  readonly featureSets: readonly NamedUsage[];
  /** Providers (an empty name: none was reached), status classes (`2`, `4`, `5`) or keys' ids; empty unless asked for. */
  readonly groups: readonly NamedUsage[];
};

/** Roll-ups by minute are kept for as many days: earlier boundaries must be whole hours. */
export const MINUTES_KEPT_DAYS = 95;

/** What was used, read from roll-ups: what that takes does not grow with the number of calls. */
export abstract class UsageReports {
  /** Includes all that this instance recorded before, as {@link UsageTotals} does. */
  abstract report(question: UsageQuestion): Promise<UsageReport>;

  /** How many keys of the organization called between two whole minutes. */
  abstract countActiveKeys(organizationId: string, fromMs: number, toMs: number): Promise<number>;
}
