import type { LimitState } from '#modules/limits/index.js';

import { KEY_RULES, type KeyRuleName } from './authorize.js';
import type { KeyView } from './key-view.js';
import type { RequestFacts } from './request-facts.js';
import { KEY_RULE_DESCRIPTIONS, POLICY_RULE_DESCRIPTIONS } from './rule-descriptions.js';
import { POLICY_RULES, type PolicyRuleName } from './rules.js';

/**
 * `not_restricted`: the key has no such restriction. `not_evaluated`: it may have one, but the request does not say what
 * the rule looks at, or does not have it.
 */
export const OUTCOMES = ['allow', 'deny', 'not_restricted', 'not_evaluated'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What one rule says of a request, and in `detail` why, in plain words. */
export type TraceEntry = {
  readonly rule: string;
  readonly outcome: Outcome;
  readonly detail: string;
  /** Of an entry about one. */
  readonly limit?: LimitState;
};

/** A request that nobody has sent: what of it is known. */
export type DescribedRequest = {
  readonly facts: RequestFacts;
  /** Whether it calls a model, so that the rules of models look at it. */
  readonly callsModel: boolean;
  /** Whether the features among the facts are all that it uses, and not only those that path and model tell. */
  readonly saysFeatures: boolean;
};

/** No rule of `authorize`: a signature is checked before it, and nobody can describe one. */
const SIGNATURE = 'signature';

/** Every rule there is, in the order in which `authorize` looks at them. */
export const RULE_NAMES: readonly string[] = [
  ...KEY_RULES.map(({ name }) => name),
  SIGNATURE,
  ...POLICY_RULES,
];

/**
 * What each rule says of a request, also behind the first that denies it, whose refusal is the one of `authorize`: the
 * rules are the same.
 */
export function explain(view: KeyView, request: DescribedRequest): TraceEntry[] {
  return [
    ...KEY_RULES.map(({ name, denies }) =>
      explainKeyRule(name, view, request.facts, denies(view, request.facts)),
    ),
    explainSignature(view),
    ...POLICY_RULES.map((name) => explainPolicyRule(name, view, request)),
  ];
}

function explainKeyRule(
  rule: KeyRuleName,
  view: KeyView,
  facts: RequestFacts,
  isDenied: boolean,
): TraceEntry {
  const { restricts, detail } = KEY_RULE_DESCRIPTIONS[rule];
  const outcome = isDenied ? 'deny' : restricts(view) ? 'allow' : 'not_restricted';
  return { rule, outcome, detail: detail(view, facts) };
}

function explainSignature({ signing }: KeyView): TraceEntry {
  return signing
    ? {
        rule: SIGNATURE,
        outcome: 'not_evaluated',
        detail: 'Requests with this key must be signed. That is not looked at here.',
      }
    : {
        rule: SIGNATURE,
        outcome: 'not_restricted',
        detail: 'Requests with this key need no signature.',
      };
}

function explainPolicyRule(
  name: PolicyRuleName,
  view: KeyView,
  request: DescribedRequest,
): TraceEntry {
  const { subject, has, unknown, brings } = POLICY_RULE_DESCRIPTIONS[name];
  const rule = view.rules.find((one) => one.name === name);
  if (!rule) {
    return {
      rule: name,
      outcome: 'not_restricted',
      detail: `The key does not restrict ${subject}.`,
    };
  }
  const isDenied = rule.denies(request.facts);
  const missing = isDenied ? null : unknown(request, view);
  return {
    rule: name,
    outcome: isDenied ? 'deny' : missing === null ? 'allow' : 'not_evaluated',
    detail: `${has(view.policy, view)} ${missing ?? brings(request.facts, view)}`,
  };
}
