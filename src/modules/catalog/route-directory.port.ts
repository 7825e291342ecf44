import type { TokenPrice } from '#common/money/money.js';
import type { Secret } from '#common/secret/secret.js';
import type { RoutingRules } from '#modules/organizations/index.js';

/** Where a provider's API is and how it is called. */
export type ProviderEndpoint = {
  readonly id: string;
  readonly name: string;
  readonly kind: 'openai-compatible';
  /** `https://host[:port]`. */
  readonly origin: string;
  /** `''` or such as `/v1`. */
  readonly basePath: string;
  /** Belongs to this origin and may be sent nowhere else. */
  readonly credential: Secret | null;
  readonly timeouts: {
    readonly connectMs: number;
    readonly firstByteMs: number;
    readonly idleMs: number;
    readonly totalMs: number;
  };
};

/** One place where a model is to be had. */
export type Candidate = {
  readonly routeId: string;
  /** Grows by one with each change, so that it names the price together with the route's id. */
  readonly routeVersion: number;
  readonly upstreamModel: string;
  readonly price: TokenPrice;
  /** A million tokens in and a million out, by which candidates are compared. */
  readonly bothNanosPerMillion: bigint;
  readonly priority: number;
  readonly weight: number;
  readonly contextLength: number | null;
  readonly maxOutputTokens: number | null;
  readonly provider: ProviderEndpoint;
};

/** A model that has at least one candidate. */
export type RoutedModel = {
  readonly model: string;
  readonly createdAt: Date;
  /** The first candidate's facts: what a caller most likely gets. */
  readonly providerName: string;
  readonly contextLength: number | null;
  readonly maxOutputTokens: number | null;
};

/** An organization's routes, compiled: only read, never changed. */
export type RouteTable = {
  /** In the order in which they are to be tried: by priority, then by age. Empty for an unknown model. */
  readonly candidates: (model: string) => readonly Candidate[];
  /** By name. */
  readonly models: () => readonly RoutedModel[];
  /** What projects want of the choice among candidates; `null`: none wants anything. */
  readonly rules: RoutingRules | null;
};

/** Finds where models are to be had. */
export abstract class RouteDirectory {
  /** The organization's table: at once when it is cached, else from PostgreSQL. */
  abstract tableOf(organizationId: string): RouteTable | Promise<RouteTable>;
}
