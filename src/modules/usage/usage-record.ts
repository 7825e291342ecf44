/** Whose call it was. One and the same object for all calls of a key, never changed: what is made of it is remembered. */
export type UsageCaller = {
  readonly organizationId: string;
  readonly keyId: string;
};

/** Where the call went. One and the same object for all calls that went this way, never changed: see {@link UsageCaller}. */
export type UsageRoute = {
  /** The model as the caller named it. */
  readonly model: string;
  /** Empty when no provider was reached. */
  readonly provider: string;
  /** The provider's name of the model; empty when no provider was reached. */
  readonly upstreamModel: string;
  /** Which price the cost was worked out with; `null` when nothing was charged. */
  readonly priceVersion: string | null;
};

/** What one call used, what it cost and how it ended: one line of the spool, one row of `usage_events`. */
export type UsageRecord = {
  /** Our own request id (`req_…`): providers repeat theirs. */
  readonly id: string;
  /** A new object for each call works as well, but costs several times as much. */
  readonly caller: UsageCaller;
  readonly route: UsageRoute;
  /** Milliseconds since the Unix epoch, UTC. With `id` it names the row: the same record must always carry the same time. */
  readonly occurredAtMs: number;
  /** The operation that was called, such as `chat.completions`. */
  readonly surface: string;
  /** The HTTP status that the caller got. */
  readonly status: number;
  /** `aborted`: the caller left before the end. */
  readonly outcome: 'completed' | 'failed' | 'aborted';
  readonly stream: boolean;
  /** What the request made use of, as a bit mask: the bits are never used for anything else. */
  readonly features: number;
  /** All input tokens, the cached ones included. */
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** All output tokens, those of reasoning included. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Who counted the tokens: the provider, we, or nobody. */
  readonly usageSource: 'upstream' | 'counted' | 'none';
  /** Nano-dollars. */
  readonly costNanos: bigint;
  readonly latencyMs: number;
  /** `null` when no byte came. */
  readonly firstByteMs: number | null;
};
