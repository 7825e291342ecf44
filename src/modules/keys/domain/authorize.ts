import type { ScopeMask } from '#common/auth/scopes.js';
import type { ErrorCode } from '#common/errors/error-codes.js';

import type { KeyView } from './key-view.js';

/** What is asked for, as far as it is known: a rule whose fact is absent does not apply. */
export type RequestFacts = {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Scopes that the route needs, all of them; 0 for none. */
  readonly neededScopes: ScopeMask;
  /** The route is on the list of those that a read-only key may call. */
  readonly isReadOnlyRoute: boolean;
  /** The model as the request names it. */
  readonly model?: string;
};

export type Decision =
  { readonly allowed: true } | { readonly allowed: false; readonly code: ErrorCode };

/** One rule that was looked at and what came of it. */
export type TraceEntry = { readonly rule: string; readonly outcome: 'allow' | 'deny' };

type Rule = {
  readonly name: string;
  readonly code: ErrorCode;
  readonly denies: (view: KeyView, facts: RequestFacts) => boolean;
};

/** In the order in which a refusal is reported: what the key is before what it may do. */
const RULES: readonly Rule[] = [
  { name: 'revoked', code: 'revoked_api_key', denies: (view, { now }) => now >= view.revokedAt },
  { name: 'expired', code: 'expired_api_key', denies: (view, { now }) => now >= view.expiresAt },
  { name: 'disabled', code: 'key_disabled', denies: (view) => view.isDisabled },
  {
    name: 'read_only',
    code: 'read_only_key',
    denies: (view, { isReadOnlyRoute }) => view.isReadOnly && !isReadOnlyRoute,
  },
  {
    name: 'scope',
    code: 'insufficient_scope',
    denies: (view, { neededScopes }) => (view.scopeMask & neededScopes) !== neededScopes,
  },
  {
    name: 'model',
    code: 'model_not_allowed',
    denies: (view, { model }) => model !== undefined && !view.allowsModel(model),
  },
];

const ALLOWED: Decision = { allowed: true };
const DENIED = new Map<ErrorCode, Decision>(
  RULES.map(({ code }) => [code, { allowed: false, code }]),
);

/**
 * Whether a key may do what is asked. Pure: the guard, the inference pipeline and every explanation use this one
 * function, so that what is explained is what is enforced.
 * @param trace when given, gets an entry for each rule that was looked at
 */
export function authorize(view: KeyView, facts: RequestFacts, trace?: TraceEntry[]): Decision {
  for (const { name, code, denies } of RULES) {
    const denied = denies(view, facts);
    trace?.push({ rule: name, outcome: denied ? 'deny' : 'allow' });
    if (denied) return DENIED.get(code) ?? { allowed: false, code };
  }
  return ALLOWED;
}
