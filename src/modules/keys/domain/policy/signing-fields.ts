import { escalation, invalid, type PolicyField } from './field-kinds.js';
import type { SignatureAlgorithm } from './key-policy.js';

export const SIGNATURE_ALGORITHM: SignatureAlgorithm = 'HMAC-SHA256';
export const DEFAULT_MAX_AGE_SECONDS = 300;
const MAX_AGE_SECONDS = 3_600;

/** Also as RFC 9421 writes it, in small letters. */
export function signatureAlgorithm(path: string): PolicyField<SignatureAlgorithm | null> {
  const spellings = [SIGNATURE_ALGORITHM, SIGNATURE_ALGORITHM.toLowerCase()];
  return {
    path,
    aliases: [],
    open: null,
    schema: {
      type: ['string', 'null'],
      enum: [...spellings, null],
      description: 'How requests are signed.',
    },
    read: (given, at) => {
      if (spellings.includes(given as string)) return SIGNATURE_ALGORITHM;
      throw invalid(at, `must be ${SIGNATURE_ALGORITHM}`);
    },
    within: (own, asked) => asked ?? own,
  };
}

/** A child may allow less time than its creator, not more. */
export function maxTimestampAge(path: string): PolicyField<number | null> {
  return {
    path,
    aliases: [],
    open: null,
    schema: {
      type: ['integer', 'null'],
      minimum: 1,
      maximum: MAX_AGE_SECONDS,
      description: `Seconds that a signature’s time may differ from ours, either way. ${DEFAULT_MAX_AGE_SECONDS} unless said.`,
    },
    read: (given, at) => {
      if (Number.isInteger(given) && (given as number) >= 1 && (given as number) <= MAX_AGE_SECONDS)
        return given as number;
      throw invalid(at, `must be a whole number of seconds from 1 to ${MAX_AGE_SECONDS}`);
    },
    within: (own, asked, at) => {
      if (own === null || asked === null) return asked ?? own;
      if (asked <= own) return asked;
      throw escalation(at, `Signatures of this key may be ${own} s old at most themselves.`);
    },
  };
}
