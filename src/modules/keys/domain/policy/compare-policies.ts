import { isDeepStrictEqual } from 'node:util';

import { AppError } from '#common/errors/app-error.js';

import type { PolicyField } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { bindingLimits, limitsInForce } from './limits-in-force.js';
import { POLICY_FIELD_NAMES, POLICY_FIELDS, type PolicyFieldName } from './policy-fields.js';

/** Paths of fields that would allow more than they do, less, or something else. */
export type PolicyDifference = {
  readonly wider: string[];
  readonly narrower: string[];
  readonly different: string[];
};

export function comparePolicies(before: KeyPolicy, after: KeyPolicy): PolicyDifference {
  const difference: PolicyDifference = { wider: [], narrower: [], different: [] };
  for (const name of POLICY_FIELD_NAMES) {
    const { path } = POLICY_FIELDS[name];
    if (isDeepStrictEqual(before[name], after[name])) continue;
    const isNarrower = isFieldWithin(name, before, after);
    const isWider = isFieldWithin(name, after, before);
    // Both: written otherwise, and meaning the same.
    if (isNarrower && isWider) continue;
    difference[isNarrower ? 'narrower' : isWider ? 'wider' : 'different'].push(path);
  }
  return difference;
}

function isFieldWithin(name: PolicyFieldName, limit: KeyPolicy, policy: KeyPolicy): boolean {
  const { within, path } = POLICY_FIELDS[name] as PolicyField<unknown>;
  const value = limitsInForce(policy)[name];
  try {
    return isDeepStrictEqual(
      sorted(within(bindingLimits(limit)[name], value, path)),
      sorted(value),
    );
  } catch (error) {
    // What does not fit into one list is not within the other either.
    if (error instanceof AppError) return false;
    throw error;
  }
}

function sorted(value: unknown): unknown {
  return Array.isArray(value) ? (value as string[]).toSorted() : value;
}
