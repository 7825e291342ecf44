import {
  type DescribedRequest,
  type Outcome,
  RULE_NAMES,
  type TraceEntry,
} from '../domain/explain.js';
import type { KeyView } from '../domain/key-view.js';
import { listed, quoted } from '../domain/plain-words.js';
import type { RoutingRefusal } from './call-outlook.js';

const PROVIDER = 'provider';
/** What is looked at once the key may make the call. */
const RULES_BEHIND = ['route', PROVIDER] as const;

/** Where the path alone decides. */
export function explainNothing(outcome: 'allow' | 'deny', detail: string): TraceEntry[] {
  const others = [...RULE_NAMES, ...RULES_BEHIND].map((rule): TraceEntry => ({
    rule,
    outcome: 'not_evaluated',
    detail: 'Not looked at, because of the path.',
  }));
  return [{ rule: 'path', outcome, detail }, ...others];
}

/** @param refusal what the routing of calls says; `null` where it has a place for this one, or was not asked */
export function explainRouting(
  view: KeyView,
  { callsModel, facts: { model } }: DescribedRequest,
  refusal: RoutingRefusal | null,
): TraceEntry[] {
  if (!callsModel) return bothUnknown(view, 'The route calls no model.');
  if (model === undefined) return bothUnknown(view, 'Give model to know.');
  const name = quoted(model);
  if (refusal?.code === 'model_not_found') {
    const detail = `There is no route for the model ${name}.`;
    return [{ rule: 'route', outcome: 'deny', detail }, ofProvider(view, 'not_evaluated', detail)];
  }
  const detail = view.isTest
    ? 'A test key’s calls are answered by the sandbox.'
    : `There is a route for the model ${name}.`;
  return [
    { rule: 'route', outcome: 'allow', detail },
    refusal === null
      ? ofProvider(view, 'allow', 'The call goes to one that the key may use, or to the sandbox.')
      : deniedProvider(view, refusal, name),
  ];
}

function deniedProvider(
  view: KeyView,
  { projectSetting: setting }: RoutingRefusal,
  name: string,
): TraceEntry {
  if (setting === null) return ofProvider(view, 'deny', `None of them has the model ${name}.`);
  const detail = `The project setting ${setting} leaves no provider of the model ${name}.`;
  return { rule: PROVIDER, outcome: 'deny', detail };
}

function bothUnknown(view: KeyView, detail: string): TraceEntry[] {
  return [
    { rule: 'route', outcome: 'not_evaluated', detail },
    ofProvider(view, 'not_evaluated', detail),
  ];
}

function ofProvider(
  { allowsProvider, policy }: KeyView,
  outcome: Outcome,
  why: string,
): TraceEntry {
  const rule = PROVIDER;
  if (allowsProvider === null) {
    return { rule, outcome: 'not_restricted', detail: 'The key does not restrict providers.' };
  }
  const { allowedProviders, forcedProvider } = policy;
  const allowed = allowedProviders ? listed(allowedProviders, 'provider') : 'any provider';
  const forced = forcedProvider === null ? '' : `, and forces ${quoted(forcedProvider)}`;
  return { rule, outcome, detail: `The key allows ${allowed}${forced}. ${why}` };
}
