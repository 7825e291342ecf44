import { NANOS_PER_USD, parseUsd, usdNumber } from '#common/money/money.js';

import { invalid, type JsonSchema } from './field-kinds.js';

/** How a number is read, and written in a document. */
export type NumberKind = {
  /** Of what may be given; `null` counts as absent. */
  readonly schema: JsonSchema;
  /** @throws {AppError} `invalid_request` naming `at` */
  readonly read: (given: unknown, at: string) => number;
  readonly write: (value: number) => number;
  /** Of what {@link write} made. */
  readonly parse: (written: number) => number;
};

const MAX_REQUESTS = 1e12;
const MAX_TOKENS = 1e15;
const MAX_USD = 9_000_000;

export const REQUESTS = whole(1, MAX_REQUESTS);
export const TOKENS = whole(1, MAX_TOKENS);
/** What a model's API can take. */
export const OUTPUT_TOKENS = whole(1, 2 ** 31 - 1);

/** Inside, nano-dollars; outside, USD. */
export const USD: NumberKind = {
  schema: {
    type: ['number', 'string', 'null'],
    minimum: 0,
    maximum: MAX_USD,
    pattern: String.raw`^\d{1,7}(\.\d{1,9})?$`,
  },
  read: (given, at) => {
    const nanos = typeof given === 'number' || typeof given === 'string' ? parseUsd(given) : null;
    if (nanos !== null && nanos <= BigInt(MAX_USD) * NANOS_PER_USD && isWritable(nanos))
      return Number(nanos);
    throw invalid(at, `must be USD from 0 to ${MAX_USD}, with at most nine decimal places`);
  },
  write: (nanos) => usdNumber(BigInt(nanos)),
  parse: (usd) => Number(parseUsd(usd)),
};

/** Beyond 2^23 USD not every nano-dollar is a number of its own, and what is kept must not be another amount. */
function isWritable(nanos: bigint): boolean {
  return parseUsd(usdNumber(nanos)) === nanos;
}

export function whole(min: number, max: number): NumberKind {
  return {
    schema: { type: ['integer', 'null'], minimum: min, maximum: max },
    read: (given, at) => {
      if (typeof given === 'number' && Number.isInteger(given) && given >= min && given <= max)
        return given;
      throw invalid(at, `must be a whole number from ${min} to ${max}`);
    },
    write: asItIs,
    parse: asItIs,
  };
}

function asItIs(value: number): number {
  return value;
}
