import type { AppError } from '#common/errors/app-error.js';

import { invalid } from './field-kinds.js';
import type { KeyPolicy } from './key-policy.js';
import { POLICY_FIELDS, type PolicyFieldName, withoutFields } from './policy-fields.js';
import type { RequestedPolicy } from './read-policy.js';
import { DEFAULT_MAX_AGE_SECONDS, SIGNATURE_ALGORITHM } from './signing-fields.js';

/** Of a signature that is required, what is required of it. */
const DEFAULTS = {
  signatureAlgorithm: SIGNATURE_ALGORITHM,
  requiresTimestamp: true,
  maxTimestampAge: DEFAULT_MAX_AGE_SECONDS,
  requiresNonce: true,
} as const satisfies Partial<KeyPolicy>;
type Details = Pick<KeyPolicy, keyof typeof DEFAULTS>;
const DETAILS = Object.keys(DEFAULTS) as (keyof Details)[];
/** They come and go with the requirement of a signature. */
export const SIGNING_DETAILS: readonly PolicyFieldName[] = DETAILS;

export type SettledDetails = {
  /** Of a policy that is changed, what stays. */
  readonly kept: Partial<KeyPolicy>;
  /** What counts in the creator’s place where nothing is asked for or kept. */
  readonly inherited: KeyPolicy;
};

/**
 * Makes a whole of what is said of signatures: the details come and go with the requirement, and have defaults of their
 * own where the creator signs nothing itself.
 * @param current of a policy that is changed, what is neither asked for nor lifted
 * @throws {AppError} `invalid_request` naming a detail that is asked for where nothing requires it
 */
export function settleSigningDetails(
  creator: KeyPolicy,
  { values: asked, at }: Pick<RequestedPolicy, 'values' | 'at'>,
  current: Partial<KeyPolicy>,
): SettledDetails {
  if (!mustSign(creator, asked, current)) {
    const beside = DETAILS.find((name) => Boolean(asked[name]));
    if (beside) throw goesWith('requiresSignature', beside, at);
    return { kept: withoutFields(current, new Set(DETAILS)), inherited: creator };
  }
  const kept = current.requiresSignature ? current : withoutFields(current, new Set(DETAILS));
  const own: Details = creator.requiresSignature ? creator : DEFAULTS;
  const isTimed = asked.requiresTimestamp ?? kept.requiresTimestamp ?? own.requiresTimestamp;
  if (!isTimed && Boolean(asked.maxTimestampAge))
    throw goesWith('requiresTimestamp', 'maxTimestampAge', at);
  const maxTimestampAge = isTimed ? ageOf(kept, own) : null;
  return {
    kept:
      kept.maxTimestampAge === maxTimestampAge
        ? kept
        : withoutFields(kept, new Set(['maxTimestampAge'])),
    inherited: { ...creator, ...pick(own, DETAILS), maxTimestampAge },
  };
}

function mustSign(
  creator: KeyPolicy,
  asked: Partial<KeyPolicy>,
  current: Partial<KeyPolicy>,
): boolean {
  return asked.requiresSignature ?? current.requiresSignature ?? creator.requiresSignature;
}

function ageOf(kept: Partial<KeyPolicy>, own: Details): number {
  return kept.maxTimestampAge ?? own.maxTimestampAge ?? DEFAULT_MAX_AGE_SECONDS;
}

function goesWith(
  needed: PolicyFieldName,
  name: PolicyFieldName,
  at: RequestedPolicy['at'],
): AppError {
  return invalid(
    at[name] ?? POLICY_FIELDS[name].path,
    `goes with ${POLICY_FIELDS[needed].path}: true`,
  );
}

function pick(details: Details, names: readonly (keyof Details)[]): Details {
  return Object.fromEntries(names.map((name) => [name, details[name]])) as Details;
}
