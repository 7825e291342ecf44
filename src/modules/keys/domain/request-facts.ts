import type { ScopeMask } from '#common/auth/scopes.js';

import type { FeatureMask } from './features.js';
import type { Operation } from './policy/key-policy.js';

/** Who calls, from where and with what. `null`: the request has none. Absent: not known, so no rule looks at it. */
export type ClientDescription = {
  /** As the connection, or a trusted proxy, has it. */
  readonly address?: string;
  readonly isHttps?: boolean;
  /** ISO 3166-1, two letters. */
  readonly country?: string | null;
  /** The `Origin` header. */
  readonly origin?: string | null;
  /** The `Referer` header. */
  readonly referrer?: string | null;
  readonly userAgent?: string | null;
};

/** What is asked for, as far as it is known: a rule whose fact is absent does not apply. */
export type RequestFacts = {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Scopes that the route needs, all of them; 0 for none. */
  readonly neededScopes: ScopeMask;
  /** The route is on the list of those that a read-only key may call. */
  readonly isReadOnlyRoute: boolean;
  readonly operation?: Operation;
  readonly client?: ClientDescription | undefined;
  /** The model as the request names it. */
  readonly model?: string;
  /** Others that the request lets the provider take instead (OpenRouter's `models`). */
  readonly alternativeModels?: readonly string[] | undefined;
  /** What the request makes use of, at least as far as the key must not. */
  readonly features?: FeatureMask;
  /** Output tokens that the request asks for; `null` when it names no number. */
  readonly outputTokens?: number | null;
};
