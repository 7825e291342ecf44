import type { ErrorCode } from '#common/errors/error-codes.js';
import { compileCidrs } from '#common/net/cidr.js';

import type { EnvironmentRules } from '../environments/domain/environment-rules.js';
import { type FeatureMask, featuresOf } from './features.js';
import { compileDomains, hostOfUrl } from './matching/domain.js';
import type { NameMatcher } from './matching/names.js';
import { compileOrigins } from './matching/origin.js';
import { compileReferrers } from './matching/referrer.js';
import { compileUserAgents } from './matching/user-agent.js';
import { outputLimits } from './output-limits.js';
import type { KeyPolicy } from './policy/key-policy.js';
import type { RequestFacts } from './request-facts.js';

/** What of a view the rules share with others. */
export type CompiledParts = {
  readonly deniedFeatures: FeatureMask;
  readonly outputLimitOf: (model: string) => number | null;
  readonly allowsModel: NameMatcher;
  readonly environmentRules: EnvironmentRules | null;
};

/** In the order in which a refusal is reported: what the call is comes before what it asks for. */
export const POLICY_RULES = [
  'https',
  'ip',
  'environment_network',
  'country',
  'origin',
  'domain',
  'referrer',
  'user_agent',
  'operation',
  'model',
  'auto_routing',
  'feature',
  'output_tokens',
] as const;
export type PolicyRuleName = (typeof POLICY_RULES)[number];

/** One rule of one key's policy. A rule whose fact is not known does not refuse. */
export type CompiledRule = {
  readonly name: PolicyRuleName;
  readonly code: ErrorCode;
  /** Whether it looks at who calls, from where and with what; the others look at what is asked for. */
  readonly isOfClient: boolean;
  readonly denies: (facts: RequestFacts) => boolean;
  /** The field of the request that is refused. */
  readonly param?: string;
  /** What to say of the refusal; the code's own words when absent. */
  readonly explain?: (facts: RequestFacts) => string;
};

/** Leaves the choice to the gateway. */
const AUTO_MODEL = 'auto';

type RuleOf = (policy: KeyPolicy, parts: CompiledParts) => CompiledRule | null;

/** The rules that can refuse anything to a key of this policy, in the order in which a refusal is reported. */
export function compileRules(policy: KeyPolicy, parts: CompiledParts): CompiledRule[] {
  return POLICY_RULES.flatMap((name) => RULES[name](policy, parts) ?? []);
}

const https: RuleOf = ({ requiresHttps }) =>
  requiresHttps ? ofClient('https', 'https_required', ({ isHttps }) => isHttps === false) : null;

type Networks = Pick<KeyPolicy, 'allowedNetworks' | 'deniedNetworks'>;

const networks: RuleOf = (policy) =>
  ofNetworks(
    'ip',
    policy,
    (address) => `This API key may not be used from the address ${address}.`,
  );

const environmentNetworks: RuleOf = (_policy, { environmentRules }) =>
  environmentRules &&
  ofNetworks(
    'environment_network',
    environmentRules,
    (address) =>
      `By the rules of its environment this API key may not be used from the address ${address}.`,
  );

function ofNetworks(
  name: PolicyRuleName,
  { allowedNetworks, deniedNetworks }: Networks,
  refusalOf: (address: string) => string,
): CompiledRule | null {
  if (allowedNetworks === null && deniedNetworks.length === 0) return null;
  const isAllowed = allowedNetworks === null ? () => true : compileCidrs(allowedNetworks);
  const isDenied = compileCidrs(deniedNetworks);
  return {
    ...ofClient(
      name,
      'ip_not_allowed',
      ({ address }) => address !== undefined && (isDenied(address) || !isAllowed(address)),
    ),
    explain: ({ client }) => refusalOf(client?.address ?? ''),
  };
}

/** Nobody knows every address: what is unknown is let in by a list of what is blocked, and not by one of what is allowed. */
const countries: RuleOf = ({ allowedCountries, blockedCountries }) => {
  if (allowedCountries === null && blockedCountries.length === 0) return null;
  const allowed = allowedCountries && new Set(allowedCountries);
  const blocked = new Set(blockedCountries);
  return ofClient('country', 'country_not_allowed', ({ country }) => {
    if (country === undefined) return false;
    return country === null
      ? allowed !== null
      : blocked.has(country) || allowed?.has(country) === false;
  });
};

const origins: RuleOf = ({ allowedOrigins }) => {
  const allows = allowedOrigins && compileOrigins(allowedOrigins);
  return (
    allows &&
    ofClient(
      'origin',
      'origin_not_allowed',
      ({ origin }) => origin !== undefined && (origin === null || !allows(origin)),
    )
  );
};

const domains: RuleOf = ({ allowedDomains }) => {
  const allows = allowedDomains && compileDomains(allowedDomains);
  return (
    allows &&
    ofClient('domain', 'origin_not_allowed', ({ origin, referrer }) => {
      const source = origin === null ? referrer : origin;
      if (source === undefined) return false;
      const host = source === null ? null : hostOfUrl(source);
      return host === null || !allows(host);
    })
  );
};

const referrers: RuleOf = ({ allowedReferrers }) => {
  const allows = allowedReferrers && compileReferrers(allowedReferrers);
  return (
    allows &&
    ofClient(
      'referrer',
      'referrer_not_allowed',
      ({ referrer }) => referrer !== undefined && (referrer === null || !allows(referrer)),
    )
  );
};

const userAgents: RuleOf = ({ allowedUserAgents: agents }) => {
  const allows = agents && compileUserAgents(agents.names, agents.patterns);
  return (
    allows &&
    ofClient(
      'user_agent',
      'user_agent_not_allowed',
      ({ userAgent }) => userAgent !== undefined && (userAgent === null || !allows(userAgent)),
    )
  );
};

const operations: RuleOf = ({ allowedOperations: allowed }) =>
  allowed && {
    name: 'operation',
    code: 'operation_not_allowed',
    isOfClient: false,
    denies: ({ operation }) => operation !== undefined && !allowed.includes(operation),
    explain: ({ operation }) => `This API key is not allowed the operation ${operation ?? ''}.`,
  };

const models: RuleOf = ({ allowedModels, deniedModels }, { allowsModel }) =>
  allowedModels === null && deniedModels.length === 0
    ? null
    : {
        name: 'model',
        code: 'model_not_allowed',
        isOfClient: false,
        param: 'model',
        denies: (facts) => refusedModel(facts, allowsModel) !== undefined,
        explain: (facts) =>
          `This API key may not use the model ${refusedModel(facts, allowsModel) ?? ''}.`,
      };

function refusedModel(
  { model, alternativeModels }: RequestFacts,
  allowsModel: NameMatcher,
): string | undefined {
  if (model !== undefined && !allowsModel(model)) return model;
  return alternativeModels?.find((name) => !allowsModel(name));
}

const autoRouting: RuleOf = ({ allowsAutoRouting }) =>
  allowsAutoRouting
    ? null
    : {
        name: 'auto_routing',
        code: 'model_not_allowed',
        isOfClient: false,
        param: 'model',
        denies: ({ model }) => model === AUTO_MODEL,
        explain: () =>
          'This API key may not leave the choice of the model to the gateway: name one.',
      };

const features: RuleOf = (_policy, { deniedFeatures }) =>
  deniedFeatures === 0
    ? null
    : {
        name: 'feature',
        code: 'feature_not_allowed',
        isOfClient: false,
        denies: ({ features: used }) => used !== undefined && (used & deniedFeatures) !== 0,
        explain: ({ features: used = 0 }) =>
          `This API key may not use ${featuresOf(used & deniedFeatures).join(', ')}.`,
      };

const outputTokens: RuleOf = (policy, { outputLimitOf }) =>
  outputLimits(policy).length === 0
    ? null
    : {
        name: 'output_tokens',
        code: 'token_limit_exceeded',
        isOfClient: false,
        param: 'max_tokens',
        denies: ({ model, outputTokens: asked }) =>
          model !== undefined && (asked ?? 0) > (outputLimitOf(model) ?? Infinity),
        explain: ({ model = '' }) =>
          `This API key may ask ${model} for ${outputLimitOf(model) ?? ''} output tokens at most: lower max_tokens.`,
      };

const RULES: Readonly<Record<PolicyRuleName, RuleOf>> = {
  https,
  ip: networks,
  environment_network: environmentNetworks,
  country: countries,
  origin: origins,
  domain: domains,
  referrer: referrers,
  user_agent: userAgents,
  operation: operations,
  model: models,
  auto_routing: autoRouting,
  feature: features,
  output_tokens: outputTokens,
};

function ofClient(
  name: PolicyRuleName,
  code: ErrorCode,
  denies: (client: NonNullable<RequestFacts['client']>) => boolean,
): CompiledRule {
  return {
    name,
    code,
    isOfClient: true,
    denies: ({ client }) => client !== undefined && denies(client),
  };
}
