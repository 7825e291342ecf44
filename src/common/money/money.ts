/**
 * Money is an integer number of nano-dollars (1e-9 USD), as `bigint`: a token of a cheap model costs less than a
 * micro-dollar, and a double cannot hold a large sum exactly.
 */
export const NANOS_PER_USD = 1_000_000_000n;
const TOKENS_PER_PRICE_UNIT = 1_000_000n;
const DECIMAL = /^(\d{1,12})(?:\.(\d{1,9}))?$/;

/**
 * Reads a non-negative amount of USD, a decimal string or a number, with up to nine places.
 * Answers `null` for anything else (signs, exponents, more places, NaN), never a rounded value.
 */
export function parseUsd(amount: string | number): bigint | null {
  const text = typeof amount === 'number' ? numberToDecimal(amount) : amount;
  const match = text === null ? null : DECIMAL.exec(text);
  if (!match) return null;
  return BigInt(match[1] as string) * NANOS_PER_USD + BigInt((match[2] ?? '').padEnd(9, '0'));
}

/** Numbers below 1e-6 print with an exponent. `null` when nine places do not hold the number exactly. */
function numberToDecimal(amount: number): string | null {
  const plain = String(amount);
  if (!plain.includes('e-')) return plain;
  const fixed = amount.toFixed(9);
  return Number(fixed) === amount ? fixed : null;
}

/** A decimal number of USD as text without trailing zeros: `2.5`, `0.000000015`, `0`. */
export function formatUsd(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const absolute = nanos < 0n ? -nanos : nanos;
  const fraction = (absolute % NANOS_PER_USD).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${absolute / NANOS_PER_USD}${fraction === '' ? '' : `.${fraction}`}`;
}

/** For JSON answers: exact up to 2^53 nano-dollars (9 million USD), the nearest double beyond. */
export function usdNumber(nanos: bigint): number {
  return Number(formatUsd(nanos));
}

/** A price is nano-dollars per million tokens. */
export type TokenPrice = {
  readonly inputNanosPerMillion: bigint;
  readonly outputNanosPerMillion: bigint;
  /** Absent: cached input costs what input costs. */
  readonly cachedInputNanosPerMillion: bigint | null;
};

export function isFree({ inputNanosPerMillion, outputNanosPerMillion }: TokenPrice): boolean {
  return inputNanosPerMillion === 0n && outputNanosPerMillion === 0n;
}

export type TokenCounts = {
  /** All input tokens, the cached ones included. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens: number;
};

/** The cost of a call in nano-dollars, rounded up once over the whole call, so that it never comes out below the sum. */
export function costNanos(price: TokenPrice, tokens: TokenCounts): bigint {
  const cached = BigInt(Math.min(tokens.cachedInputTokens, tokens.inputTokens));
  const fresh = BigInt(tokens.inputTokens) - cached;
  const total =
    fresh * price.inputNanosPerMillion +
    cached * (price.cachedInputNanosPerMillion ?? price.inputNanosPerMillion) +
    BigInt(tokens.outputTokens) * price.outputNanosPerMillion;
  return (total + TOKENS_PER_PRICE_UNIT - 1n) / TOKENS_PER_PRICE_UNIT;
}
