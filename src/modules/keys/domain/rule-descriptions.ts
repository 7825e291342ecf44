import { type Scope, scopesOf } from '#common/auth/scopes.js';

import type { KeyRuleName } from './authorize.js';
import type { DescribedRequest } from './explain.js';
import { featuresOf } from './features.js';
import type { KeyView } from './key-view.js';
import { outputLimits } from './output-limits.js';
import type { KeyPolicy } from './policy/key-policy.js';
import { listed, quoted } from './plain-words.js';
import type { ClientDescription, RequestFacts } from './request-facts.js';
import type { PolicyRuleName } from './rules.js';

type KeyRuleDescription = {
  /** Whether the rule could ever refuse this key anything. */
  readonly restricts: (view: KeyView) => boolean;
  /** What the key is, and what that means now. */
  readonly detail: (view: KeyView, facts: RequestFacts) => string;
};

export const KEY_RULE_DESCRIPTIONS: Readonly<Record<KeyRuleName, KeyRuleDescription>> = {
  revoked: {
    restricts: ({ revokedAt }) => Number.isFinite(revokedAt),
    detail: ({ revokedAt }, { now }) => {
      if (!Number.isFinite(revokedAt)) return 'The key is not revoked.';
      return `The key ${now < revokedAt ? 'will be' : 'was'} revoked at ${timeText(revokedAt)}.`;
    },
  },
  expired: {
    restricts: ({ expiresAt }) => Number.isFinite(expiresAt),
    detail: ({ expiresAt }, { now }) => {
      if (!Number.isFinite(expiresAt)) return 'The key does not expire.';
      return `The key ${now < expiresAt ? 'expires' : 'expired'} at ${timeText(expiresAt)}.`;
    },
  },
  pending_approval: {
    restricts: ({ policy, awaitsApproval }) => awaitsApproval || policy.requiresApproval,
    detail: ({ policy, awaitsApproval }) => {
      if (awaitsApproval) return 'The key waits for somebody to approve it.';
      return policy.requiresApproval ? 'The key is approved.' : 'The key needs no approval.';
    },
  },
  disabled: {
    restricts: ({ disabledUntil }) => disabledUntil !== -Infinity,
    detail: ({ disabledUntil, suspension }, { now }) => {
      if (suspension !== null) return suspension;
      if (disabledUntil === -Infinity) return 'The key is not disabled.';
      if (disabledUntil === Infinity) return 'The key is disabled until somebody enables it.';
      return `The key ${now < disabledUntil ? 'is' : 'was'} disabled until ${timeText(disabledUntil)}.`;
    },
  },
  environment: {
    restricts: ({ environmentRules }) => environmentRules !== null,
    detail: ({ brokenRule, environmentRules, environment }) => {
      if (environmentRules === null) return `No rule binds ${environment} keys, or this one.`;
      return brokenRule ?? `The key keeps the rules of ${environment} keys.`;
    },
  },
  read_only: {
    restricts: ({ isReadOnly }) => isReadOnly,
    detail: ({ isReadOnly }, { isReadOnlyRoute }) => {
      if (!isReadOnly) return 'The key is not read-only.';
      return `The key is read-only, and the route is ${isReadOnlyRoute ? '' : 'not '}one that such a key may call.`;
    },
  },
  scope: {
    restricts: () => true,
    detail: ({ scopeMask }, { neededScopes }) => {
      const has = `The key has ${listed(scopesOf(scopeMask), 'scope')}.`;
      const needed: readonly Scope[] = scopesOf(neededScopes);
      return needed.length === 0
        ? `${has} The route needs none.`
        : `${has} The route needs ${needed.join(' and ')}.`;
    },
  },
};

type PolicyRuleDescription = {
  /** What a key without this rule does not restrict. */
  readonly subject: string;
  /** What the key's policy says. */
  readonly has: (policy: KeyPolicy, view: KeyView) => string;
  /** Why the rule can't be looked at, and what to give so that it can; `null` when it can. */
  readonly unknown: (request: DescribedRequest, view: KeyView) => string | null;
  /** What the request is or has, so far as the rule looks at it. Asked for only where that is known. */
  readonly brings: (facts: RequestFacts, view: KeyView) => string;
};

const NO_MODEL = 'The route calls no model, so the rule does not apply.';

export const POLICY_RULE_DESCRIPTIONS: Readonly<Record<PolicyRuleName, PolicyRuleDescription>> = {
  https: {
    subject: 'plain HTTP',
    has: () => 'The key may be used over HTTPS only.',
    unknown: ofClient('isHttps', 'https'),
    brings: ({ client }) => `The request comes over ${client?.isHttps ? 'HTTPS' : 'plain HTTP'}.`,
  },
  ip: {
    subject: 'addresses',
    has: ({ allowedNetworks, deniedNetworks }) =>
      allowsAndDenies(allowedNetworks, deniedNetworks, 'network'),
    unknown: ofClient('address', 'ip'),
    brings: ({ client }) => `The request comes from ${client?.address ?? ''}.`,
  },
  environment_network: {
    subject: 'addresses by rules of its environment',
    has: (_, { environment, environmentRules }) => {
      const { allowedNetworks = null, deniedNetworks = [] } = environmentRules ?? {};
      const what = allowsAndDenies(allowedNetworks, deniedNetworks, 'network');
      return what.replace('The key allows', `Of its environment, ${environment}, a rule allows`);
    },
    unknown: ofClient('address', 'ip'),
    brings: ({ client }) => `The request comes from ${client?.address ?? ''}.`,
  },
  country: {
    subject: 'countries',
    has: ({ allowedCountries, blockedCountries }) =>
      allowsAndDenies(allowedCountries, blockedCountries, 'country', 'countries'),
    unknown: ofClient('country', 'country, or ip'),
    brings: ({ client }) =>
      client?.country
        ? `The request comes from ${client.country}.`
        : 'Nobody knows which country the request comes from.',
  },
  origin: {
    subject: 'origins',
    has: ({ allowedOrigins }) => allows(allowedOrigins, 'origin'),
    unknown: ofClient('origin', 'origin'),
    brings: ({ client }) => headerText('Origin', client?.origin),
  },
  domain: {
    subject: 'domains',
    has: ({ allowedDomains }) => allows(allowedDomains, 'domain'),
    unknown: ({ facts: { client } }) => {
      if (client?.origin === undefined) return give('origin');
      return client.origin === null && client.referrer === undefined ? give('referrer') : null;
    },
    brings: ({ client }) => {
      if (client?.origin) return headerText('Origin', client.origin);
      return `The host is looked for in Origin, else in Referer. ${headerText('Referer', client?.referrer)}`;
    },
  },
  referrer: {
    subject: 'referrers',
    has: ({ allowedReferrers }) => allows(allowedReferrers, 'page'),
    unknown: ofClient('referrer', 'referrer'),
    brings: ({ client }) => headerText('Referer', client?.referrer),
  },
  user_agent: {
    subject: 'user agents',
    has: ({ allowedUserAgents: agents }) => {
      const { names = [], patterns = [] } = agents ?? {};
      if (patterns.length === 0) return allows(names, 'user agent');
      const also = names.length === 0 ? '' : `${listed(names, 'user agent')} and `;
      return `The key allows ${also}what matches ${listed(patterns, 'pattern')}.`;
    },
    unknown: ofClient('userAgent', 'user_agent'),
    brings: ({ client }) => headerText('User-Agent', client?.userAgent),
  },
  operation: {
    subject: 'operations',
    has: ({ allowedOperations }) => allows(allowedOperations, 'operation'),
    unknown: ({ facts: { operation } }) => (operation === undefined ? give('method') : null),
    brings: ({ operation }) => `The request’s method makes it a ${operation ?? ''}.`,
  },
  model: {
    subject: 'models',
    has: ({ allowedModels, deniedModels }) => allowsAndDenies(allowedModels, deniedModels, 'model'),
    unknown: modelOnly,
    brings: modelText,
  },
  auto_routing: {
    subject: 'the gateway’s own choice of the model',
    has: () => 'The key may not leave the choice of the model to the gateway (model auto).',
    unknown: modelOnly,
    brings: modelText,
  },
  feature: {
    subject: 'features',
    has: ({ allowedFeatures, deniedFeatures }) =>
      allowsAndDenies(allowedFeatures, deniedFeatures, 'feature'),
    unknown: ({ callsModel, saysFeatures, facts }) => {
      if (!callsModel) return NO_MODEL;
      return saysFeatures ? null : `${featuresText(facts)} Give features if it uses others.`;
    },
    brings: featuresText,
  },
  output_tokens: {
    subject: 'output tokens',
    has: (policy) => {
      const models = outputLimits(policy).map(({ pattern }) => pattern);
      return `The key limits the output tokens of ${listed(models, 'model')}.`;
    },
    unknown: (request, { outputLimitOf }) => {
      const missing = modelOnly(request);
      if (missing !== null) return missing;
      const { model = '', outputTokens } = request.facts;
      return outputLimitOf(model) === null || outputTokens !== undefined
        ? null
        : give('max_tokens');
    },
    brings: ({ model = '', outputTokens }, { outputLimitOf }) => {
      const limit = outputLimitOf(model);
      if (limit === null) return `It does not limit those of ${quoted(model)}.`;
      return `Of ${quoted(model)} it may ask for ${limit}; the request asks for ${outputTokens ?? 'no number'}.`;
    },
  },
};

function ofClient(fact: keyof ClientDescription, field: string): PolicyRuleDescription['unknown'] {
  return ({ facts: { client } }) => (client?.[fact] === undefined ? give(field) : null);
}

function modelOnly({ callsModel, facts: { model } }: DescribedRequest): string | null {
  if (!callsModel) return NO_MODEL;
  return model === undefined ? give('model') : null;
}

function give(field: string): string {
  return `Give ${field} to know.`;
}

function allows(allowed: readonly string[] | null, one: string): string {
  return `The key allows ${listed(allowed ?? [], one)}.`;
}

function allowsAndDenies(
  allowed: readonly string[] | null,
  denied: readonly string[],
  one: string,
  several = `${one}s`,
): string {
  const may = allowed === null ? `any ${one}` : listed(allowed, one, several);
  return `The key allows ${may}${denied.length === 0 ? '' : ` and denies ${listed(denied, one, several)}`}.`;
}

function headerText(name: string, value: string | null | undefined): string {
  return value === null || value === undefined
    ? `The request has no ${name} header.`
    : `The request’s ${name} is ${quoted(value)}.`;
}

function modelText({ model = '' }: RequestFacts): string {
  return `The request names ${quoted(model)}.`;
}

function featuresText({ features = 0 }: RequestFacts): string {
  return `The request uses ${listed(featuresOf(features), 'feature')}.`;
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
