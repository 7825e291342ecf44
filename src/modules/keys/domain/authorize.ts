import type { ErrorCode } from '#common/errors/error-codes.js';

import type { KeyView } from './key-view.js';
import type { RequestFacts } from './request-facts.js';
import type { CompiledRule } from './rules.js';

export type Refusal = {
  readonly allowed: false;
  readonly code: ErrorCode;
  /** The code's own words when absent. */
  readonly message?: string;
  /** The field of the request that is refused. */
  readonly param?: string;
};
export type Decision = { readonly allowed: true } | Refusal;

/** In the order in which a refusal is reported. */
export type KeyRuleName =
  'revoked' | 'expired' | 'pending_approval' | 'disabled' | 'environment' | 'read_only' | 'scope';

type KeyRule = {
  readonly name: KeyRuleName;
  readonly code: ErrorCode;
  readonly denies: (view: KeyView, facts: RequestFacts) => boolean;
  /** What to say of the refusal; the code's own words when absent, or `null`. */
  readonly explain?: (view: KeyView) => string | null;
};

/** Whether the key is one that can be used now at all. */
const STATE_RULES: readonly KeyRule[] = [
  { name: 'revoked', code: 'revoked_api_key', denies: (view, { now }) => now >= view.revokedAt },
  { name: 'expired', code: 'expired_api_key', denies: (view, { now }) => now >= view.expiresAt },
  {
    name: 'pending_approval',
    code: 'key_pending_approval',
    denies: ({ awaitsApproval }) => awaitsApproval,
  },
  {
    name: 'disabled',
    code: 'key_disabled',
    denies: (view, { now }) => now < view.disabledUntil,
    explain: ({ suspension }) => suspension,
  },
  {
    name: 'environment',
    code: 'environment_rule_violated',
    denies: ({ brokenRule }) => brokenRule !== null,
    explain: ({ brokenRule }) => brokenRule,
  },
];

/** What the key is, before what its policy allows. */
export const KEY_RULES: readonly KeyRule[] = [
  ...STATE_RULES,
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
];

const ALLOWED: Decision = { allowed: true };

/** Whether a key can be used now at all: the part of {@link authorize} that tells nothing of what it may do. */
export function checkState(view: KeyView, facts: RequestFacts): Decision {
  const denied = STATE_RULES.find((rule) => rule.denies(view, facts));
  return denied ? keyRefusal(denied, view) : ALLOWED;
}

/**
 * Whether a key may do what is asked. Pure: the guard, the inference pipeline and every answer to "would it be refused?"
 * use this one function. `explain` tells of the same rules why.
 */
export function authorize(view: KeyView, facts: RequestFacts): Decision {
  for (const rule of KEY_RULES) {
    if (rule.denies(view, facts)) return keyRefusal(rule, view);
  }
  for (const rule of view.rules) {
    if (rule.denies(facts)) return refusal(rule, facts);
  }
  return ALLOWED;
}

function keyRefusal({ code, explain }: KeyRule, view: KeyView): Refusal {
  const message = explain?.(view) ?? null;
  return { allowed: false, code, ...(message !== null && { message }) };
}

function refusal({ code, param, explain }: CompiledRule, facts: RequestFacts): Decision {
  return {
    allowed: false,
    code,
    ...(explain && { message: explain(facts) }),
    ...(param !== undefined && { param }),
  };
}
