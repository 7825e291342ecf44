import { isDeepStrictEqual } from 'node:util';

import { escalation, invalid, type PolicyField } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { bindingLimits, limitsInForce, settleBurst } from './limits-in-force.js';
import {
  POLICY_FIELD_NAMES,
  POLICY_FIELDS,
  type PolicyFieldName,
  withoutFields,
} from './policy-fields.js';
import type { AllDemand, FeatureSwitch, RequestedPolicy } from './read-policy.js';
import { settleSigningDetails } from './signing-details.js';

/**
 * By a field's path: whether the key itself was given it, its template says it, it is the default of its environment, its
 * creator had it, several of them, or nobody.
 */
export type PolicySources = Readonly<Record<string, readonly PolicySource[]>>;
export const POLICY_SOURCES = ['default', 'creator', 'environment', 'template', 'key'] as const;
export type PolicySource = (typeof POLICY_SOURCES)[number];

/** A policy, and where it came from. */
export type SourcedPolicy = { readonly policy: KeyPolicy; readonly sources: PolicySources };

/**
 * The policy of a child that asks for `requested`: each field is within the creator's, and what is not asked for is the
 * creator's, never "no limit"; a right over data it has only where it is asked for.
 * @param current of a key that is changed: what is not asked for stays as it is, and `null` makes it the creator's
 * @throws {AppError} `escalation_denied` naming the field that asks for more, `invalid_request` for a contradiction
 */
export function policyWithin(
  creator: KeyPolicy,
  requested: RequestedPolicy,
  current: SourcedPolicy | null = null,
): SourcedPolicy {
  const unchanged = current ? keptFields(current.policy, requested) : {};
  const settled = settleSigningDetails(creator, requested, unchanged);
  const { inherited } = settled;
  const kept = settleBurst(creator, requested, settled.kept);
  const sourcesAt = (path: string): readonly PolicySource[] =>
    current?.sources[path] ?? ['default'];
  const asked = withSwitches(requested, kept);
  const bound = bindingLimits(creator);
  for (const demand of requested.all) assertAll(creator, asked, demand);
  for (const flip of requested.switches) assertSwitch(creator, requested, flip);
  const policy: Partial<KeyPolicy> = {};
  const sources: Record<string, readonly PolicySource[]> = {};
  for (const name of POLICY_FIELD_NAMES) {
    const { path, unasked: withheld } = POLICY_FIELDS[name] as PolicyField<unknown>;
    const isKept = asked[name] === undefined && kept[name] !== undefined;
    const unasked = isKept ? kept[name] : (withheld ?? inherited[name]);
    const value =
      asked[name] === undefined ? unasked : fieldWithin(name, bound, asked, requested.at);
    Object.assign(policy, { [name]: value });
    sources[path] = isKept ? sourcesAt(path) : sourcesOf(name, creator, asked);
  }
  return { policy: policy as KeyPolicy, sources };
}

const ALL = {
  models: ['allowedModels', 'deniedModels'],
  features: ['allowedFeatures', 'deniedFeatures'],
} as const;

/** Of a policy that is changed, what stays unless something else is asked for. */
function keptFields(policy: KeyPolicy, { cleared, all }: RequestedPolicy): Partial<KeyPolicy> {
  return withoutFields(policy, new Set([...cleared, ...all.flatMap(({ kind }) => ALL[kind])]));
}

/**
 * @throws {AppError} `escalation_denied` naming a field in which `policy` allows more than `limit`
 */
export function assertPolicyWithin(limit: KeyPolicy, policy: KeyPolicy): void {
  const bound = bindingLimits(limit);
  const inForce = limitsInForce(policy);
  for (const name of POLICY_FIELD_NAMES) {
    const { path } = POLICY_FIELDS[name];
    const within = fieldWithin(name, bound, inForce, {});
    if (isDeepStrictEqual(within, inForce[name])) continue;
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
  if (!isAsked && !isCreators) return ['default'];
  return [...(isCreators ? (['creator'] as const) : []), ...(isAsked ? (['key'] as const) : [])];
}

/** What a map turns on and off is changed in the lists that are given, or in those that there are. */
function withSwitches(
  { values, switches }: RequestedPolicy,
  kept: Partial<KeyPolicy>,
): Partial<KeyPolicy> {
  if (switches.length === 0) return values;
  const on = switches.filter(({ isOn }) => isOn).map(({ feature }) => feature);
  const off = switches.filter(({ isOn }) => !isOn).map(({ feature }) => feature);
  const allowed = values.allowedFeatures ?? kept.allowedFeatures ?? null;
  const denied = values.deniedFeatures ?? kept.deniedFeatures ?? [];
  const isDenialLifted = on.some((feature) => denied.includes(feature));
  return {
    ...values,
    ...(allowed && on.length > 0 && { allowedFeatures: [...new Set([...allowed, ...on])] }),
    ...((off.length > 0 || isDenialLifted) && {
      deniedFeatures: [...new Set([...denied.filter((feature) => !on.includes(feature)), ...off])],
    }),
  };
}

function assertAll(creator: KeyPolicy, asked: Partial<KeyPolicy>, { kind, at }: AllDemand): void {
  const [allowed, denied] = ALL[kind];
  if (asked[allowed]) {
    throw invalid(at, `says something else than ${POLICY_FIELDS[allowed].path}: give one of them`);
  }
  if (creator[allowed] === null && creator[denied].length === 0) return;
  throw escalation(at, `This key may not use all ${kind} itself, so it can’t grant it.`);
}

function assertSwitch(
  creator: KeyPolicy,
  { values, switches }: RequestedPolicy,
  { feature, isOn, at }: FeatureSwitch,
): void {
  if (!isOn) return;
  const isOff = switches.some((other) => other.feature === feature && !other.isOn);
  if (isOff || values.deniedFeatures?.includes(feature)) {
    throw invalid(at, 'is turned on and off at once');
  }
  const isAllowed = creator.allowedFeatures?.includes(feature) ?? true;
  if (isAllowed && !creator.deniedFeatures.includes(feature)) return;
  throw escalation(at, `This key may not use ${feature} itself, so it can’t grant it.`);
}
