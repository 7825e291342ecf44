import { isDeepStrictEqual } from 'node:util';

import { type Feature, FEATURES } from '../features.js';
import { invalid, isRecord, type PolicyField, unknownField } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { POLICY_FIELD_NAMES, POLICY_FIELDS, type PolicyFieldName } from './policy-fields.js';

/** What was asked for, field by field, and where each was written. */
export type RequestedPolicy = {
  readonly values: Partial<KeyPolicy>;
  readonly at: Readonly<Partial<Record<PolicyFieldName, string>>>;
  /** Written as `null`, alone or with all around it: as the creator's. */
  readonly cleared: ReadonlySet<PolicyFieldName>;
  /** Turned on and off by name, in a map. */
  readonly switches: readonly FeatureSwitch[];
  /** Of which none is to be left out: `all_models`, `all_features`. */
  readonly all: readonly AllDemand[];
};

export type FeatureSwitch = {
  readonly feature: Feature;
  readonly isOn: boolean;
  readonly at: string;
};
export type AllDemand = { readonly kind: 'models' | 'features'; readonly at: string };

/** The parts of a policy, as a body has them. */
export type PolicyInput = Readonly<Partial<Record<PolicyPart, unknown>>>;
export const POLICY_PARTS = ['permissions', 'restrictions', 'rate_limits', 'security'] as const;
type PolicyPart = (typeof POLICY_PARTS)[number];

/** Every place where a field may be written. */
const FIELD_AT = new Map<string, PolicyFieldName>(
  POLICY_FIELD_NAMES.flatMap((name) => {
    const { path, aliases } = POLICY_FIELDS[name];
    return [path, ...aliases].map((at): [string, PolicyFieldName] => [at, name]);
  }),
);
const GROUPS = new Set(
  [...FIELD_AT.keys()].flatMap((path) =>
    path.split('.').map((_, index, names) => names.slice(0, index).join('.')),
  ),
);

/**
 * Reads a policy in any of the spellings that are accepted (docs/policy.md): flat or nested, lists or maps.
 * @throws {AppError} `invalid_request` naming the path of what is unknown, wrong or contradictory
 */
export function readPolicy(input: PolicyInput): RequestedPolicy {
  const reader = new PolicyReader();
  for (const part of POLICY_PARTS) reader.readGroup(input[part], part);
  return reader;
}

class PolicyReader implements RequestedPolicy {
  readonly values: Partial<KeyPolicy> = {};
  readonly at: Partial<Record<PolicyFieldName, string>> = {};
  readonly cleared = new Set<PolicyFieldName>();
  readonly switches: FeatureSwitch[] = [];
  readonly all: AllDemand[] = [];
  /** What has a spelling of its own besides its field's. */
  readonly #special: Readonly<Record<string, (given: unknown, at: string) => void>> = {
    'permissions.models': (given, at) => this.#readModels(given, at),
    'permissions.features': (given, at) => this.#readFeatures(given, at),
    'permissions.advanced_features': (given, at) => this.#readFeatureMap(given, at),
    'permissions.all_models': (given, at) => this.#readAll('models', given, at),
    'permissions.all_features': (given, at) => this.#readAll('features', given, at),
  };

  readGroup(given: unknown, at: string): void {
    if (given === undefined) return;
    if (given === null) {
      this.#clear(at);
      return;
    }
    if (!isRecord(given)) throw invalid(at, 'must be an object');
    for (const [name, value] of Object.entries(given)) this.#readMember(value, `${at}.${name}`);
  }

  #readMember(given: unknown, at: string): void {
    const special = Object.hasOwn(this.#special, at) ? this.#special[at] : undefined;
    const field = FIELD_AT.get(at);
    if (!special && !field && !GROUPS.has(at)) throw unknownField(at);
    if (given === undefined) return;
    if (given === null) this.#clear(at);
    else if (special) special(given, at);
    else if (field) this.#set(field, given, at);
    else this.readGroup(given, at);
  }

  #set(name: PolicyFieldName, given: unknown, at: string): void {
    const field = POLICY_FIELDS[name] as PolicyField<unknown>;
    const value = field.read(given, at);
    const earlier: unknown = this.values[name];
    if (earlier === undefined) {
      Object.assign(this.values, { [name]: value });
      this.at[name] = at;
    } else if (field.merge) {
      Object.assign(this.values, { [name]: field.merge(earlier, value) });
    } else if (!isDeepStrictEqual(earlier, value)) {
      throw invalid(
        at,
        `says something else than ${this.at[name] ?? field.path}: give one of them`,
      );
    }
  }

  /** All that may be written at this place. */
  #clear(at: string): void {
    for (const [path, name] of FIELD_AT) {
      if (path === at || path.startsWith(`${at}.`)) this.cleared.add(name);
    }
  }

  /** A list, or an object of lists. */
  #readModels(given: unknown, at: string): void {
    if (Array.isArray(given)) this.#set('allowedModels', given, at);
    else this.readGroup(given, at);
  }

  /** A list of what is allowed, a map of what is on and off, or an object of lists. */
  #readFeatures(given: unknown, at: string): void {
    // The way of answering is not a feature: a list that names features does not mean to take it away.
    if (Array.isArray(given)) {
      const isThere = given.includes('streaming');
      this.#set('allowedFeatures', isThere ? given : [...(given as unknown[]), 'streaming'], at);
    } else if (isRecord(given) && Object.keys(given).every((name) => FIELD_AT.has(`${at}.${name}`)))
      this.readGroup(given, at);
    else this.#readFeatureMap(given, at);
  }

  #readFeatureMap(given: unknown, at: string): void {
    if (!isRecord(given))
      throw invalid(at, 'must be a list of features, or a map of them to true or false');
    for (const [name, isOn] of Object.entries(given)) {
      if (!isFeature(name)) throw unknownField(`${at}.${name}`);
      if (isOn === null) continue;
      if (typeof isOn !== 'boolean') throw invalid(`${at}.${name}`, 'must be true or false');
      this.switches.push({ feature: name, isOn, at: `${at}.${name}` });
    }
  }

  #readAll(kind: AllDemand['kind'], given: unknown, at: string): void {
    if (typeof given !== 'boolean') throw invalid(at, 'must be true or false');
    if (given) this.all.push({ kind, at });
  }
}

function isFeature(name: string): name is Feature {
  return (FEATURES as readonly string[]).includes(name);
}
