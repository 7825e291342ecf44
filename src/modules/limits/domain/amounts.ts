import { type Allowance, METRICS } from './allowance.js';

/**
 * What one call takes of each metric, in the order of `METRICS`, and then its output as it is foreseen. Whole numbers;
 * cost in nano-dollars. One array of numbers: there is one for every call.
 */
export type Amounts = readonly number[];

export const INPUT_TOKENS = METRICS.indexOf('input_tokens');
export const OUTPUT_TOKENS = METRICS.indexOf('output_tokens');
export const TOTAL_TOKENS = METRICS.indexOf('total_tokens');
export const COST = METRICS.indexOf('cost');
export const FORESEEN_OUTPUT = METRICS.length;

/**
 * Which amount counts against an allowance. Output tokens of a minute are smooth: what is likely is reserved, and what
 * comes on top is a debt on the next window. All else takes the most that there can be.
 */
export function figureOf(allowance: Allowance): number {
  return allowance.metric === 'output_tokens' && allowance.window === 'minute'
    ? FORESEEN_OUTPUT
    : usedFigureOf(allowance);
}

/** Which amount of what a call really used counts against an allowance. */
export function usedFigureOf({ metric }: Allowance): number {
  return metric === 'credit' ? COST : METRICS.indexOf(metric);
}

/** @param foreseenOutput tokens; at most `outputTokens` */
export function amountsOf(
  inputTokens: number,
  outputTokens: number,
  costNanos: number,
  foreseenOutput: number,
): number[] {
  const totalTokens = Math.min(inputTokens + outputTokens, Number.MAX_SAFE_INTEGER);
  return [1, inputTokens, outputTokens, totalTokens, costNanos, 1, foreseenOutput];
}

/** Of what is used without a call of ours, so that nothing runs. */
export function amountsUsed(used: {
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanos: number;
}): number[] {
  const { requests, inputTokens, outputTokens, costNanos } = used;
  return [
    requests,
    inputTokens,
    outputTokens,
    inputTokens + outputTokens,
    costNanos,
    0,
    outputTokens,
  ];
}

export const NO_AMOUNTS: Amounts = [0, 0, 0, 0, 0, 0, 0];
