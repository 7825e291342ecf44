import type { Feature } from '../features.js';

/** What of one model may be used. Absent: not limited by this key. */
export type ModelLimits = {
  /** Output tokens that one request may ask for. */
  readonly maxTokensPerRequest?: number;
  readonly maxRequestsPerDay?: number;
  readonly maxCostPerDayNanos?: number;
};

export type UserAgents = {
  /** Whole values of the `User-Agent` header. */
  readonly names: readonly string[];
  /** RE2 patterns, one of which must be found in it. */
  readonly patterns: readonly string[];
};

export type Operation = 'read' | 'write';

/** How a signed request is signed: one way so far. */
export type SignatureAlgorithm = 'HMAC-SHA256';

/**
 * What a key may do beyond its scopes: every restriction in one spelling. A list of what is allowed that is `null`
 * restricts nothing; it is never empty. `policy-fields.ts` says where each stands in the document that people see, and
 * how a child's is kept within its creator's.
 */
export type KeyPolicy = {
  readonly allowedModels: readonly string[] | null;
  readonly deniedModels: readonly string[];
  /** By model name or pattern. Where several match, each counts. */
  readonly modelLimits: Readonly<Record<string, ModelLimits>>;
  readonly allowedFeatures: readonly Feature[] | null;
  readonly deniedFeatures: readonly Feature[];
  readonly allowedOperations: readonly Operation[] | null;
  readonly allowsAutoRouting: boolean;
  readonly allowedProviders: readonly string[] | null;
  readonly forcedProvider: string | null;
  readonly allowsFallback: boolean;
  readonly allowedNetworks: readonly string[] | null;
  readonly deniedNetworks: readonly string[];
  readonly requiresHttps: boolean;
  readonly allowedCountries: readonly string[] | null;
  readonly blockedCountries: readonly string[];
  readonly allowedOrigins: readonly string[] | null;
  readonly allowedDomains: readonly string[] | null;
  readonly allowedReferrers: readonly string[] | null;
  readonly allowedUserAgents: UserAgents | null;
  readonly requiresSignature: boolean;
  /** `null`, as the next ones `false` and `null`, where no signature is required. */
  readonly signatureAlgorithm: SignatureAlgorithm | null;
  readonly requiresTimestamp: boolean;
  /** Seconds that a signature’s time may differ from ours; `null` where it needs none. */
  readonly maxTimestampAge: number | null;
  readonly requiresNonce: boolean;
  /** Here and below, `null`: not said. */
  readonly requestsPerSecond: number | null;
  readonly requestsPerMinute: number | null;
  readonly requestsPerHour: number | null;
  readonly requestsPerDay: number | null;
  /** Requests that the limit per second lets through at once; never without that limit. */
  readonly burstSize: number | null;
  readonly inputTokensPerMinute: number | null;
  readonly outputTokensPerMinute: number | null;
  readonly totalTokensPerDay: number | null;
  /** Down to which `max_tokens` may be lowered so that a request fits. */
  readonly minOutputTokens: number | null;
  readonly costPerRequestNanos: number | null;
  readonly costPerHourNanos: number | null;
  readonly costPerDayNanos: number | null;
  readonly costPerMonthNanos: number | null;
  /** The share of each limit at which somebody is told. */
  readonly alertThreshold: number | null;
  readonly maxParallelRequests: number | null;
  readonly maxQueuedRequests: number | null;
  /** Whether the bodies of the key’s requests, and of their answers, are kept. */
  readonly logsRequests: boolean | null;
  readonly logsResponses: boolean | null;
  /** Whether it may read, and delete, bodies that are kept of any of its organization’s calls. */
  readonly exportsData: boolean;
  readonly deletesData: boolean;
  /** Which of its requests are written to the audit log: all, or those that fail. */
  readonly logsAllRequests: boolean;
  readonly logsFailures: boolean;
  /** Whether people are told when it is used in a way that looks like somebody else’s. */
  readonly alertsOnSuspicious: boolean;
  /** How long its entries of the audit log are kept; `null`: as its organization’s. */
  readonly auditRetentionDays: number | null;
  /** Whether the key, and whatever gives it more later, needs somebody else’s approval. */
  readonly requiresApproval: boolean;
};
