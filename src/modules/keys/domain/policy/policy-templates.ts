import { isDeepStrictEqual } from 'node:util';

import { AppError } from '#common/errors/app-error.js';

import { isRecord, type PolicyField } from './field-kinds.js';
import type { KeyPolicy, UserAgents } from './key-policy.js';
import { bindingLimits } from './limits-in-force.js';
import { lowestOf } from './model-limits.js';
import {
  POLICY_FIELD_NAMES,
  POLICY_FIELDS,
  type PolicyFieldName,
  UNRESTRICTED_POLICY,
  withoutFields,
} from './policy-fields.js';
import {
  type PolicySource,
  type PolicySources,
  policyWithin,
  type SourcedPolicy,
} from './policy-within.js';
import { readPolicy, type RequestedPolicy } from './read-policy.js';
import { SIGNING_DETAILS } from './signing-details.js';

/** What a template says in which nothing stands. */
const NOTHING_SAID = policyWithin(UNRESTRICTED_POLICY, readPolicy({}));

/**
 * What templates say together that are built upon each other, as one change of a key after another: what a level does not
 * name stays as it is, and `null` opens it again.
 * @param levels the outermost first
 * @param outermost what they are all built upon: {@link composeDefaults}
 */
export function composeTemplates(
  levels: readonly RequestedPolicy[],
  outermost: SourcedPolicy = NOTHING_SAID,
): SourcedPolicy {
  let composed = outermost;
  for (const level of levels) {
    const next = addStoredLevel(composed, level);
    composed = { ...next, sources: mapSources(next.sources, { key: ['template'] }) };
  }
  return composed;
}

/** What the defaults of an environment say by themselves. */
export function composeDefaults(defaults: RequestedPolicy): SourcedPolicy {
  const { policy, sources } = addStoredLevel(NOTHING_SAID, defaults);
  return { policy, sources: mapSources(sources, { key: ['environment'] }) };
}

/**
 * One more level, whose own fields have the source `key`.
 * @throws {AppError} `invalid_request` naming what has nothing to go with
 */
export function addLevel(below: SourcedPolicy, level: RequestedPolicy): SourcedPolicy {
  return policyWithin(UNRESTRICTED_POLICY, level, below);
}

/**
 * As {@link addLevel}, for one that was written when there was something else below: what it relied on may be gone, and what
 * has nothing to go with any more does not count.
 */
export function addStoredLevel(below: SourcedPolicy, level: RequestedPolicy): SourcedPolicy {
  return addLevel(below, withoutStrays(below.policy, level));
}

/**
 * The policy of a key that is made from templates.
 * @param wanted what they and the key's own overrides say
 * @param own the overrides
 * @throws {AppError} `escalation_denied` naming what is said that the creator has not, `invalid_request`
 */
export function inheritWithin(
  creator: KeyPolicy,
  wanted: SourcedPolicy,
  own: Pick<RequestedPolicy, 'at' | 'switches' | 'all'>,
): SourcedPolicy {
  return policyOf(creator, wanted, { ...NOTHING_ASKED, ...own, values: saidOf(wanted) });
}

/**
 * As {@link inheritWithin} for a key that is there when its templates change: where they say more than `bound`, the key has
 * of it what both allow, or, where that can't be said in one field, what `bound` allows.
 * @param bound what the key may never exceed
 * @throws {AppError} `invalid_request` where both together have more items than fit
 */
export function inheritClamped(bound: KeyPolicy, wanted: SourcedPolicy): SourcedPolicy {
  const limits = bindingLimits(bound);
  const values: Partial<KeyPolicy> = {};
  const said = saidOf(wanted);
  for (const name of POLICY_FIELD_NAMES) {
    const value = said[name];
    if (value === undefined) continue;
    const clamped = clampField(POLICY_FIELDS[name] as PolicyField<unknown>, limits[name], value);
    if (clamped !== undefined) Object.assign(values, { [name]: clamped });
  }
  return policyOf(bound, wanted, { ...NOTHING_ASKED, values });
}

/** Fields that only mean something together. */
const COUPLED: readonly (readonly PolicyFieldName[])[] = [
  ['requestsPerSecond', 'burstSize'],
  ['maxParallelRequests', 'maxQueuedRequests'],
  ['requiresSignature', ...SIGNING_DETAILS],
];

/** The bound of a key after somebody else has changed some of its fields: of these it is what that one may grant. */
export function boundAfter(
  bound: KeyPolicy,
  changer: KeyPolicy,
  changed: ReadonlySet<PolicyFieldName>,
): KeyPolicy {
  const names = new Set(changed);
  for (const group of COUPLED) {
    if (group.some((name) => changed.has(name))) for (const name of group) names.add(name);
  }
  return Object.fromEntries(
    POLICY_FIELD_NAMES.map((name) => [name, (names.has(name) ? changer : bound)[name]]),
  ) as KeyPolicy;
}

const NOTHING_ASKED: RequestedPolicy = {
  values: {},
  at: {},
  cleared: new Set(),
  switches: [],
  all: [],
};

function policyOf(
  bound: KeyPolicy,
  wanted: SourcedPolicy,
  requested: RequestedPolicy,
): SourcedPolicy {
  const { policy, sources } = policyWithin(bound, requested);
  const named = Object.entries(sources).map(([path, from]): [string, PolicySource[]] => [
    path,
    from.flatMap((source) => (source === 'key' ? (wanted.sources[path] ?? []) : [source])),
  ]);
  return { policy, sources: Object.fromEntries(named) };
}

/**
 * What is really said: that a template leaves a field open only says that it has nothing against it. An override that says
 * so means it. And of a signature that is required, `false` is no less said than `true`.
 */
function saidOf({ policy, sources }: SourcedPolicy): Partial<KeyPolicy> {
  const said: Partial<KeyPolicy> = {};
  for (const name of POLICY_FIELD_NAMES) {
    const { path, open, unasked } = POLICY_FIELDS[name] as PolicyField<unknown>;
    const from = sources[path] ?? [];
    const value = policy[name];
    if (value === null || !from.some((source) => source !== 'default')) continue;
    const isDetail = policy.requiresSignature && SIGNING_DETAILS.includes(name);
    const isOpen = isDeepStrictEqual(value, unasked ?? open);
    if (from.includes('key') || isDetail || !isOpen) Object.assign(said, { [name]: value });
  }
  // Else a creator that takes signatures without a time would contradict it.
  if (said.maxTimestampAge !== undefined) return { ...said, requiresTimestamp: true };
  return said;
}

/** `undefined`: the bound's own counts. */
function clampField(field: PolicyField<unknown>, own: unknown, asked: unknown): unknown {
  if (isWithin(field, own, asked)) return asked;
  if (field.path === POLICY_FIELDS.modelLimits.path) {
    return lowestOf(own as KeyPolicy['modelLimits'], asked as KeyPolicy['modelLimits']);
  }
  const shared = [
    ...itemsOf(asked).filter((item) => isWithin(field, own, item)),
    ...itemsOf(own).filter((item) => isWithin(field, asked, item)),
  ].slice(0, Math.max(itemsOf(own).length, itemsOf(asked).length));
  if (shared.length === 0) return undefined;
  if (Array.isArray(asked)) return [...new Set(shared.flat())];
  return shared.reduce((one, other) => field.merge?.(one, other));
}

/** Of a list of what is allowed, each item as a list of its own. */
function itemsOf(list: unknown): unknown[] {
  if (Array.isArray(list)) return list.map((item: unknown) => [item]);
  if (!isRecord(list)) return [];
  const { names, patterns } = list as UserAgents;
  return [
    ...names.map((name): UserAgents => ({ names: [name], patterns: [] })),
    ...patterns.map((pattern): UserAgents => ({ names: [], patterns: [pattern] })),
  ];
}

function isWithin(field: PolicyField<unknown>, own: unknown, asked: unknown): boolean {
  try {
    field.within(own, asked, field.path);
    return true;
  } catch (error) {
    if (error instanceof AppError && error.code === 'escalation_denied') return false;
    throw error;
  }
}

/** Without a burst that has no limit per second, and details of a signature that nobody requires. */
function withoutStrays(below: KeyPolicy, level: RequestedPolicy): RequestedPolicy {
  const { cleared } = level;
  const { values } = level;
  const strays = new Set<PolicyFieldName>();
  const settled = <Name extends PolicyFieldName>(name: Name): KeyPolicy[Name] =>
    (values[name] as KeyPolicy[Name] | undefined) ??
    (cleared.has(name) ? UNRESTRICTED_POLICY : below)[name];
  if (settled('requestsPerSecond') === null) strays.add('burstSize');
  if (!settled('requiresSignature')) {
    for (const name of SIGNING_DETAILS) if (values[name] !== false) strays.add(name);
  } else if (values.requiresTimestamp === false || isUntimed(below, level)) {
    // Where it is not said whether there is a time, it is there unless it was turned off below.
    strays.add('maxTimestampAge');
  }
  return { ...level, values: withoutFields(values, strays) };
}

function isUntimed(below: KeyPolicy, { values, cleared }: RequestedPolicy): boolean {
  const isKept = values.requiresTimestamp === undefined && !cleared.has('requiresTimestamp');
  return isKept && below.requiresSignature && !below.requiresTimestamp;
}

/** With other names in the place of some. */
export function mapSources(
  sources: PolicySources,
  names: Readonly<Partial<Record<PolicySource, readonly PolicySource[]>>>,
): PolicySources {
  return Object.fromEntries(
    Object.entries(sources).map(([path, from]) => [
      path,
      [...new Set(from.flatMap((source) => names[source] ?? [source]))],
    ]),
  );
}
