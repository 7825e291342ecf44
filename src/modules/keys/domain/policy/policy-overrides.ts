import type { Feature } from '../features.js';
import type { PolicyField } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { placeInDocument, type PolicyDocument } from './policy-document.js';
import { POLICY_FIELD_NAMES, POLICY_FIELDS, type PolicyFieldName } from './policy-fields.js';
import type { FeatureSwitch, RequestedPolicy } from './read-policy.js';
import { SIGNING_DETAILS } from './signing-details.js';

const FEATURE_LISTS = ['allowedFeatures', 'deniedFeatures'] as const;
const LISTS_OF = { models: ['allowedModels', 'deniedModels'], features: FEATURE_LISTS } as const;

type Names = ReadonlySet<PolicyFieldName>;

/**
 * What a key has of its own beside its templates, after a change of it: as if the change were one more level, in one.
 * What is there already and what the change says are each free of contradictions.
 */
export function mergeOverrides(own: RequestedPolicy, change: RequestedPolicy): RequestedPolicy {
  const cleared = clearedBy(change);
  const replaced = new Set([...cleared, ...namesOf(change.values)]);
  const dropped = new Set([...replaced, ...strayedBy(change, cleared)]);
  const kept = Object.fromEntries(
    Object.entries(own.values).filter(([name]) => !dropped.has(name as PolicyFieldName)),
  ) as Partial<KeyPolicy>;
  const values = { ...withFlips(kept, change.switches), ...change.values };
  return {
    values,
    at: { ...own.at, ...change.at },
    cleared: new Set([...clearedBy(own), ...cleared].filter((name) => values[name] === undefined)),
    switches: [
      ...own.switches.filter((flip) => staysFlipped(flip, change, replaced)),
      ...change.switches,
    ],
    all: [],
  };
}

/** Every field that a request names, in whatever way. */
export function namesIn(requested: RequestedPolicy): Set<PolicyFieldName> {
  const isFlipped = requested.switches.length > 0;
  return new Set([
    ...namesOf(requested.values),
    ...clearedBy(requested),
    ...(isFlipped ? FEATURE_LISTS : []),
  ]);
}

/** In the one canonical spelling, as an input that means the same. */
export function writeOverrides({ values, cleared, switches }: RequestedPolicy): PolicyDocument {
  const document: PolicyDocument = {};
  for (const name of POLICY_FIELD_NAMES) {
    const field = POLICY_FIELDS[name] as PolicyField<unknown>;
    const value = values[name];
    if (value === undefined) {
      if (cleared.has(name)) placeInDocument(document, field.path, null);
      continue;
    }
    const written = field.document ? field.document.write(value) : value;
    placeInDocument(document, field.path, written);
  }
  for (const { feature, isOn } of switches) {
    placeInDocument(document, `permissions.advanced_features.${feature}`, isOn);
  }
  return document;
}

function namesOf(values: Partial<KeyPolicy>): PolicyFieldName[] {
  return POLICY_FIELD_NAMES.filter((name) => values[name] !== undefined);
}

/** That none is to be left out opens both lists. */
function clearedBy({ values, cleared, all }: RequestedPolicy): Names {
  const opened = all.flatMap(({ kind }) => LISTS_OF[kind]);
  return new Set([...cleared, ...opened].filter((name) => values[name] === undefined));
}

/** What goes with a field that the change takes away. */
function strayedBy({ values }: RequestedPolicy, cleared: Names): PolicyFieldName[] {
  const isUnsigned = cleared.has('requiresSignature') || values.requiresSignature === false;
  return [
    ...(cleared.has('requestsPerSecond') ? (['burstSize'] as const) : []),
    ...(isUnsigned ? SIGNING_DETAILS : []),
    ...(values.requiresTimestamp === false ? (['maxTimestampAge'] as const) : []),
  ];
}

/** Own lists say the same as the switches that come later, or they would contradict each other. */
function withFlips(
  values: Partial<KeyPolicy>,
  switches: readonly FeatureSwitch[],
): Partial<KeyPolicy> {
  const flipped = (isOn: boolean): Feature[] =>
    switches.filter((flip) => flip.isOn === isOn).map(({ feature }) => feature);
  const [on, off] = [flipped(true), flipped(false)];
  const { allowedFeatures: allowed, deniedFeatures: denied } = values;
  return {
    ...values,
    ...(allowed && { allowedFeatures: [...new Set([...allowed, ...on])] }),
    ...(denied && {
      deniedFeatures: [...new Set([...denied, ...off])].filter((name) => !on.includes(name)),
    }),
  };
}

function staysFlipped(
  { feature, isOn }: FeatureSwitch,
  change: RequestedPolicy,
  replaced: Names,
): boolean {
  if (change.switches.some((later) => later.feature === feature)) return false;
  // Lists that are given afterwards say themselves what is in them.
  if (isOn && change.values.allowedFeatures?.includes(feature) === false) return false;
  return !replaced.has('deniedFeatures') || (isOn && !isDenied(feature, change));
}

function isDenied(feature: Feature, { values }: RequestedPolicy): boolean {
  return values.deniedFeatures?.includes(feature) ?? false;
}
