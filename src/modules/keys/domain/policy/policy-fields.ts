import { cidrCovers, normalizeCidr } from '#common/net/cidr.js';

import { type Feature, FEATURES } from '../features.js';
import { domainCovers, normalizeDomainPattern } from '../matching/domain.js';
import { normalizeOriginPattern, originCovers } from '../matching/origin.js';
import { normalizeReferrerPattern, referrerCovers } from '../matching/referrer.js';
import { globCovers } from '../matching/names.js';
import { AUDIT_FIELDS } from './audit-fields.js';
import { DATA_FIELDS } from './data-fields.js';
import { allowList, denyList, type ItemKind, type PolicyField, toggle } from './field-kinds.js';
import type { KeyPolicy, Operation } from './key-policy.js';
import { LIMIT_FIELDS } from './limit-fields.js';
import { modelLimits } from './model-limits.js';
import { maxTimestampAge, signatureAlgorithm } from './signing-fields.js';
import { forcedProvider, userAgents } from './special-fields.js';

const MODEL: ItemKind = {
  schema: { type: 'string', minLength: 1, maxLength: 256 },
  // At most four stars: enough for any family of models, and cheap to match.
  normalize: (text) => (/^(?=.{1,256}$)[^*\s]*(\*[^*\s]*){0,4}$/.test(text) ? text : null),
  must: 'a model name of at most 256 characters without spaces, with at most four *',
  covers: globCovers,
};
const NETWORK: ItemKind = {
  schema: { type: 'string', maxLength: 64 },
  normalize: normalizeCidr,
  must: 'an IPv4 or IPv6 address or CIDR, such as 203.0.113.0/24',
  covers: cidrCovers,
};
const ORIGIN: ItemKind = {
  schema: { type: 'string', maxLength: 256 },
  normalize: normalizeOriginPattern,
  must: 'a web origin, such as https://app.example.com or https://*.example.com',
  covers: originCovers,
};
const DOMAIN: ItemKind = {
  schema: { type: 'string', maxLength: 256 },
  normalize: normalizeDomainPattern,
  must: 'a host name, such as app.example.com or *.example.com',
  covers: domainCovers,
};
const REFERRER: ItemKind = {
  schema: { type: 'string', maxLength: 512 },
  normalize: normalizeReferrerPattern,
  must: 'a URL in which * stands for any path, such as https://app.example.com/*',
  covers: referrerCovers,
};
const COUNTRY: ItemKind = {
  schema: { type: 'string', pattern: '^[A-Za-z]{2}$' },
  normalize: (text) => (/^[A-Za-z]{2}$/.test(text) ? text.toUpperCase() : null),
  must: 'a country code of two letters (ISO 3166-1)',
  covers: isSame,
};
const PROVIDER: ItemKind = {
  schema: { type: 'string', minLength: 1, maxLength: 100 },
  normalize: (text) => (/^[^\s]{1,100}$/.test(text) ? text : null),
  must: 'the name of a provider',
  covers: isSame,
};

function oneOf(values: readonly string[]): ItemKind {
  return {
    schema: { type: 'string', enum: values },
    normalize: (text) => (values.includes(text) ? text : null),
    must: `one of ${values.join(', ')}`,
    covers: isSame,
  };
}

function isSame(one: string, other: string): boolean {
  return one === other;
}

const MODELS = 'permissions.models';
const ROUTING = 'permissions.routing';
const NETWORKS = 'security.network_restrictions';
const DOMAINS = 'security.domain_restrictions';
const AUTHENTICATION = 'security.authentication';

/** Every field there is. What is not here does not exist; what is here is enforced (`authorize.ts`, `call-limits.ts`). */
export const POLICY_FIELDS: { readonly [Name in keyof KeyPolicy]: PolicyField<KeyPolicy[Name]> } = {
  allowedModels: allowList(
    {
      path: `${MODELS}.allowed`,
      about: 'The only models that may be used; `*` stands for any text.',
    },
    MODEL,
    500,
  ),
  deniedModels: denyList(
    { path: `${MODELS}.denied`, about: 'Models that may not be used, whatever is allowed.' },
    MODEL,
    500,
  ),
  modelLimits: modelLimits(`${MODELS}.cost_limits`, MODEL),
  allowedFeatures: allowList<Feature>(
    { path: 'permissions.features.allowed', about: 'The only features that may be used.' },
    oneOf(FEATURES),
    FEATURES.length,
  ),
  deniedFeatures: denyList<Feature>(
    { path: 'permissions.features.denied', about: 'Features that may not be used.' },
    oneOf(FEATURES),
    FEATURES.length,
  ),
  allowedOperations: allowList<Operation>(
    {
      path: 'permissions.operations',
      about: '`read`: safe methods (GET, HEAD). `write`: all others, inference included.',
    },
    oneOf(['read', 'write']),
    2,
  ),
  allowsAutoRouting: toggle(
    { path: `${ROUTING}.allow_auto_routing`, about: 'Whether `model: auto` may be used.' },
    true,
  ),
  allowedProviders: allowList(
    {
      path: `${ROUTING}.allowed_providers`,
      about: 'The only providers, by name, that calls may go to.',
    },
    PROVIDER,
    100,
  ),
  forcedProvider: forcedProvider(`${ROUTING}.force_provider`, PROVIDER),
  allowsFallback: toggle(
    {
      path: `${ROUTING}.fallback_allowed`,
      about: 'Whether another provider may be tried after a failure.',
    },
    true,
  ),
  allowedNetworks: allowList(
    {
      path: `${NETWORKS}.ip_whitelist`,
      aliases: ['restrictions.ip_whitelist'],
      about: 'The only addresses and CIDRs that calls may come from.',
    },
    NETWORK,
    200,
  ),
  deniedNetworks: denyList(
    {
      path: `${NETWORKS}.ip_blacklist`,
      aliases: ['restrictions.ip_blacklist'],
      about: 'Addresses and CIDRs that calls may not come from, whatever is allowed.',
    },
    NETWORK,
    200,
  ),
  requiresHttps: toggle(
    { path: `${NETWORKS}.require_https`, about: 'Refuse calls that came over plain HTTP.' },
    false,
  ),
  allowedCountries: allowList(
    {
      path: `${NETWORKS}.allowed_countries`,
      about: 'The only countries that calls may come from.',
    },
    COUNTRY,
    249,
  ),
  blockedCountries: denyList(
    { path: `${NETWORKS}.blocked_countries`, about: 'Countries that calls may not come from.' },
    COUNTRY,
    249,
  ),
  allowedOrigins: allowList(
    { path: `${NETWORKS}.allowed_origins`, about: 'The only values of the `Origin` header.' },
    ORIGIN,
    100,
  ),
  allowedDomains: allowList(
    {
      path: `${DOMAINS}.allowed_domains`,
      aliases: ['restrictions.domains'],
      about:
        'The only hosts that the `Origin` header, else `Referer`, may name. `*.x.com` is not `x.com`.',
    },
    DOMAIN,
    100,
  ),
  allowedReferrers: allowList(
    {
      path: `${DOMAINS}.allowed_referrers`,
      aliases: ['restrictions.referrers'],
      about: 'The only pages that the `Referer` header may name; `*` stands for any path.',
    },
    REFERRER,
    100,
  ),
  allowedUserAgents: userAgents(`${DOMAINS}.user_agents`, [
    'restrictions.user_agents',
    `${DOMAINS}.user_agent_pattern`,
  ]),
  requiresSignature: toggle(
    {
      path: `${AUTHENTICATION}.require_signature`,
      about: 'Take only requests that are signed with the key’s signing secret (RFC 9421).',
    },
    false,
  ),
  signatureAlgorithm: signatureAlgorithm(`${AUTHENTICATION}.signature_algorithm`),
  requiresTimestamp: toggle(
    {
      path: `${AUTHENTICATION}.require_timestamp`,
      about: 'The signature says when it was made. On where a signature is required, unless said.',
    },
    false,
  ),
  maxTimestampAge: maxTimestampAge(`${AUTHENTICATION}.max_timestamp_age`),
  requiresNonce: toggle(
    {
      path: `${AUTHENTICATION}.require_nonce`,
      about:
        'Each signature has a value of its own, and is taken once. On where a signature is required, unless said.',
    },
    false,
  ),
  ...LIMIT_FIELDS,
  ...DATA_FIELDS,
  ...AUDIT_FIELDS,
  requiresApproval: toggle(
    {
      path: 'permissions.require_approval',
      about:
        'Let the key be used once somebody else has approved it, and give it more only when they approve that.',
    },
    false,
  ),
};

export type PolicyFieldName = keyof KeyPolicy;

export const POLICY_FIELD_NAMES = Object.keys(POLICY_FIELDS) as PolicyFieldName[];

/** The policy that restricts nothing. */
export const UNRESTRICTED_POLICY = Object.fromEntries(
  Object.entries(POLICY_FIELDS).map(([name, { open }]) => [name, open]),
) as KeyPolicy;

/** What whoever is given nothing in particular may do. */
export const WITHOUT_DATA_RIGHTS: KeyPolicy = {
  ...UNRESTRICTED_POLICY,
  exportsData: false,
  deletesData: false,
};

export function withoutFields(
  policy: Partial<KeyPolicy>,
  names: ReadonlySet<string>,
): Partial<KeyPolicy> {
  return Object.fromEntries(Object.entries(policy).filter(([name]) => !names.has(name)));
}
