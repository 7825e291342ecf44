import { isDeepStrictEqual } from 'node:util';

import type { Feature } from '../features.js';
import { escalation, invalid } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { POLICY_FIELD_NAMES, POLICY_FIELDS, type PolicyFieldName } from './policy-fields.js';
import type { OpenDemand, RequestedPolicy } from './read-policy.js';

/** By a field's path: whether the key itself was given it, its creator had it, or both. What is absent restricts nothing. */
export type PolicySources = Readonly<Record<string, readonly PolicySource[]>>;
export const POLICY_SOURCES = ['default', 'creator', 'key'] as const;
export type PolicySource = (typeof POLICY_SOURCES)[number];

/** A policy, and where it came from. */
export type SourcedPolicy = { readonly policy: KeyPolicy; readonly sources: PolicySources };

/**
 * The policy of a child that asks for `requested`: each field is within the creator's, and what is not asked for is the
 * creator's, never "no limit".
 * @param current of a key that is changed: what is not asked for stays as it is
 * @throws {AppError} `escalation_denied` naming the field that asks for more, `invalid_request` for a contradiction
 */
export function policyWithin(
  creator: KeyPolicy,
  requested: RequestedPolicy,
  current: SourcedPolicy | null = null,
): SourcedPolicy {
  const asked = withFeaturesOn(requested);
  for (const demand of requested.open) checkOpen(creator, asked, demand);
  const policy: Partial<KeyPolicy> = {};
  const sources: Record<string, PolicySource[]> = {};
  for (const name of POLICY_FIELD_NAMES) {
    const { path } = POLICY_FIELDS[name];
    const stays = current !== null && asked[name] === undefined;
    const value = stays ? current.policy[name] : fieldWithin(name, creator, asked, requested.at);
    Object.assign(policy, { [name]: value });
    const from = stays ? (current.sources[path] ?? []) : sourcesOf(name, creator, asked);
    if (from.length > 0) sources[path] = [...from];
  }
  return { policy: policy as KeyPolicy, sources };
}

/**
 * @throws {AppError} `escalation_denied` naming a field in which `policy` allows more than `limit`
 */
export function assertPolicyWithin(limit: KeyPolicy, policy: KeyPolicy): void {
  for (const name of POLICY_FIELD_NAMES) {
    const { path } = POLICY_FIELDS[name];
    const within = fieldWithin(name, limit, policy, {});
    if (isDeepStrictEqual(within, policy[name])) continue;
    throw escalation(path, `The key would be allowed more than this one: ${path}.`);
  }
}

function fieldWithin<Name extends PolicyFieldName>(
  name: Name,
  creator: KeyPolicy,
  asked: Partial<KeyPolicy>,
  at: RequestedPolicy['at'],
): KeyPolicy[Name] {
  const field = POLICY_FIELDS[name];
  const value = asked[name] as KeyPolicy[Name] | undefined;
  if (value === undefined) return creator[name];
  return field.within(creator[name], value, at[name] ?? field.path);
}

function sourcesOf(
  name: PolicyFieldName,
  creator: KeyPolicy,
  asked: Partial<KeyPolicy>,
): PolicySource[] {
  const isAsked = asked[name] !== undefined;
  const { open } = POLICY_FIELDS[name];
  // What is asked for replaces a list of what is allowed, and joins one of what is refused.
  const joins = Array.isArray(open) || name === 'modelLimits';
  const isCreators = JSON.stringify(creator[name]) !== JSON.stringify(open) && (!isAsked || joins);
  return [...(isCreators ? (['creator'] as const) : []), ...(isAsked ? (['key'] as const) : [])];
}

/** A feature that a map turns on joins the list of those that are allowed, where there is one. */
function withFeaturesOn({ values, open }: RequestedPolicy): Partial<KeyPolicy> {
  const { allowedFeatures } = values;
  const on = open.flatMap(({ feature }) => (feature === null ? [] : [feature]));
  if (!allowedFeatures || on.length === 0) return values;
  return { ...values, allowedFeatures: [...new Set<Feature>([...allowedFeatures, ...on])] };
}

function checkOpen(
  creator: KeyPolicy,
  asked: Partial<KeyPolicy>,
  { field, feature, at }: OpenDemand,
): void {
  if (feature === null) {
    if (asked[field])
      throw invalid(at, `says something else than ${POLICY_FIELDS[field].path}: give one of them`);
    if (creator[field])
      throw escalation(at, 'This key is not allowed all of them itself, so it can’t grant it.');
    return;
  }
  if (asked.deniedFeatures?.includes(feature)) throw invalid(at, 'is turned on and off at once');
  const isAllowed = creator.allowedFeatures?.includes(feature) ?? true;
  if (isAllowed && !creator.deniedFeatures.includes(feature)) return;
  throw escalation(at, `This key may not use ${feature} itself, so it can’t grant it.`);
}
