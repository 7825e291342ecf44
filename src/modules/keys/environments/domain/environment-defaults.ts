import type { KeyPolicy } from '../../domain/policy/key-policy.js';
import type { PolicyDocument } from '../../domain/policy/policy-document.js';
import { mergeOverrides, writeOverrides } from '../../domain/policy/policy-overrides.js';
import { composeDefaults, inheritClamped } from '../../domain/policy/policy-templates.js';
import { policyWithin, type SourcedPolicy } from '../../domain/policy/policy-within.js';
import { type PolicyInput, readPolicy } from '../../domain/policy/read-policy.js';

const NOTHING = readPolicy({});

/**
 * Defaults in the canonical spelling, only what is said. Each field must be the setter's to grant: what is left out gives
 * nobody anything.
 * @throws {AppError} `escalation_denied`, `invalid_request`
 */
export function readDefaults(setter: KeyPolicy, given: PolicyInput): PolicyDocument {
  const asked = readPolicy(given);
  policyWithin(setter, asked);
  return writeOverrides(mergeOverrides(NOTHING, asked));
}

/**
 * What a new key starts with that `creator` makes: the defaults as far as the creator’s policy goes. Nobody has asked for
 * them, so that they are refused to nobody.
 * @param defaults as {@link readDefaults} made them, maybe for somebody who has more
 */
export function startWithin(creator: KeyPolicy, defaults: PolicyInput): SourcedPolicy {
  return inheritClamped(creator, composeDefaults(readPolicy(defaults)));
}
