import { costNanos, type TokenPrice } from '#common/money/money.js';

import type { InferenceRequest } from './inference-request.js';
import type { WorstCase } from './worst-case.js';

/** On an answer whose call was given another `max_tokens` than it asked for: the number, per choice. */
export const MAX_TOKENS_HEADER = 'x-latchkey-max-tokens';

const TOKENS_PER_PRICE_UNIT = 1_000_000;
const MOST_NANOS = Number.MAX_SAFE_INTEGER;

/** What is left at most for one call, of all limits together; `Infinity` where there is none. */
export type Remaining = {
  /** Nano-dollars. */
  readonly cost: number;
  readonly outputTokens: number;
  /** Of input and output together. */
  readonly totalTokens: number;
};

export type CallToFit = {
  readonly worstCase: WorstCase;
  readonly price: TokenPrice;
  readonly remaining: Remaining;
};

/**
 * What a call costs at most, in nano-dollars: all input at the full price, nothing of it cached, rounded up as
 * `costNanos` does. Exact, up to `Number.MAX_SAFE_INTEGER`, which also stands for all that is more.
 * @param inputTokens whole, as `outputTokens`; neither negative
 */
export function worstCostNanos(
  price: TokenPrice,
  inputTokens: number,
  outputTokens: number,
): number {
  const total =
    inputTokens * Number(price.inputNanosPerMillion) +
    outputTokens * Number(price.outputNanosPerMillion);
  // A sum of doubles is exact as long as it is a safe integer, and so is this quotient's ceiling: the least fraction,
  // a millionth, is more than half the distance of two doubles below 2^53 / 10^6.
  if (total <= Number.MAX_SAFE_INTEGER) return Math.ceil(total / TOKENS_PER_PRICE_UNIT);
  const nanos = costNanos(price, { inputTokens, outputTokens, cachedInputTokens: 0 });
  return nanos < MOST_NANOS ? Number(nanos) : MOST_NANOS;
}

/**
 * The `max_tokens` per choice with which a call fits into what is left: what it asks for, or less.
 * @param floor below which an answer is not worth its price
 * @returns `null` where not even the floor fits, or what it asks for where that is less; 0 for a call without output
 */
export function fittingOutput(
  { worstCase, price, remaining }: CallToFit,
  floor: number,
): number | null {
  const { inputTokens, outputTokens, choices, maxOutputPerChoice } = worstCase;
  const most = Math.min(remaining.outputTokens, remaining.totalTokens - inputTokens);
  if (outputTokens <= most && worstCostNanos(price, inputTokens, outputTokens) <= remaining.cost) {
    return maxOutputPerChoice;
  }
  const payable = payableOutput(price, inputTokens, remaining.cost);
  const fitting = Math.min(maxOutputPerChoice, Math.floor(Math.min(most, payable) / choices));
  return fitting >= Math.max(1, Math.min(floor, maxOutputPerChoice)) ? fitting : null;
}

/** The output tokens that so many nano-dollars pay for after the input; negative where they do not pay for that. */
function payableOutput(price: TokenPrice, inputTokens: number, nanos: number): number {
  if (nanos >= MOST_NANOS) return Infinity;
  const left =
    BigInt(nanos) * BigInt(TOKENS_PER_PRICE_UNIT) -
    BigInt(inputTokens) * price.inputNanosPerMillion;
  if (left < 0n) return -1;
  return price.outputNanosPerMillion === 0n ? Infinity : Number(left / price.outputNanosPerMillion);
}

/**
 * Makes the provider keep to what was reserved.
 * @param perChoice as {@link fittingOutput} gives it
 * @returns what {@link MAX_TOKENS_HEADER} says; `null` where the call goes out as it was asked for
 */
export function holdToOutput(
  request: InferenceRequest,
  worstCase: WorstCase,
  perChoice: number,
): number | null {
  if (perChoice === worstCase.maxOutputPerChoice && !worstCase.mustTellProvider) return null;
  request.lowerOutputTo(perChoice);
  return perChoice;
}
