import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { costNanos } from '#common/money/money.js';

import { CHAT_COMPLETIONS } from '../surface.js';
import {
  type CallToFit,
  fittingOutput,
  holdToOutput,
  MAX_TOKENS_HEADER,
  type Remaining,
  worstCostNanos,
} from './fitting-output.js';
import { parseInferenceRequest, upstreamBody } from './inference-request.js';
import type { WorstCase } from './worst-case.js';

const MAX_PRICE = 10n ** 15n;
const price = fc.record({
  inputNanosPerMillion: fc.bigInt({ min: 0n, max: MAX_PRICE }),
  outputNanosPerMillion: fc.bigInt({ min: 0n, max: MAX_PRICE }),
  cachedInputNanosPerMillion: fc.option(fc.bigInt({ min: 0n, max: MAX_PRICE })),
});
/** Small and large prices alike: a bigint drawn evenly is nearly always huge. */
const prices = fc
  .tuple(price, fc.integer({ min: 0, max: 15 }))
  .map(([{ inputNanosPerMillion, outputNanosPerMillion, ...rest }, places]) => ({
    ...rest,
    inputNanosPerMillion: inputNanosPerMillion / 10n ** BigInt(places),
    outputNanosPerMillion: outputNanosPerMillion / 10n ** BigInt(places),
  }));
const tokens = fc.oneof(fc.nat(100), fc.nat(100_000), fc.nat(2 ** 31 - 1));
const left = fc.oneof(fc.constant(Infinity), fc.integer({ min: -5, max: 1_000_000 }));

function worstOf(inputTokens: number, choices: number, perChoice: number): WorstCase {
  return {
    inputTokens,
    choices,
    outputTokens: choices * perChoice,
    maxOutputPerChoice: perChoice,
    mustTellProvider: false,
  };
}

function fits({ worstCase, price: at, remaining }: CallToFit, perChoice: number): boolean {
  const output = worstCase.choices * perChoice;
  const counts = { ...worstCase, outputTokens: output, cachedInputTokens: 0 };
  return (
    output <= remaining.outputTokens &&
    worstCase.inputTokens + output <= remaining.totalTokens &&
    Number(costNanos(at, counts)) <= remaining.cost
  );
}

describe('worstCostNanos', () => {
  it('is the cost of a call of which nothing was cached, to the nano-dollar', () => {
    fc.assert(
      fc.property(prices, tokens, tokens, (at, inputTokens, outputTokens) => {
        const exact = costNanos(at, { inputTokens, outputTokens, cachedInputTokens: 0 });
        const most = BigInt(Number.MAX_SAFE_INTEGER);
        expect(worstCostNanos(at, inputTokens, outputTokens)).toBe(
          Number(exact < most ? exact : most),
        );
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    // Next to where doubles end to tell millionths, one below, at and above a whole nano-dollar.
    [9_007_199_253_999_999n, 9_007_199_254],
    [9_007_199_254_000_000n, 9_007_199_254],
    [9_007_199_254_000_001n, 9_007_199_255],
    [9_007_199_254_740_991n, 9_007_199_255],
    [9_007_199_254_740_993n, 9_007_199_255],
    [1n, 1],
    [0n, 0],
  ])('rounds %s millionths up', (inputNanosPerMillion, nanos) => {
    const at = {
      inputNanosPerMillion,
      outputNanosPerMillion: 0n,
      cachedInputNanosPerMillion: null,
    };
    expect(worstCostNanos(at, 1, 0)).toBe(nanos);
    expect(worstCostNanos(at, 1, 1_000)).toBe(nanos);
  });
});

describe('fittingOutput', () => {
  const call: fc.Arbitrary<CallToFit> = fc.record({
    worstCase: fc
      .tuple(tokens, fc.integer({ min: 1, max: 128 }), fc.integer({ min: 1, max: 200_000 }))
      .map(([inputTokens, choices, most]) => worstOf(inputTokens, choices, most)),
    price: prices,
    remaining: fc.record<Remaining>({ cost: left, outputTokens: left, totalTokens: left }),
  });

  it('fits, and one more token would not, unless it was all that was asked for', () => {
    fc.assert(
      fc.property(call, fc.nat(300), (toFit, floor) => {
        const { maxOutputPerChoice } = toFit.worstCase;
        const least = Math.max(1, Math.min(floor, maxOutputPerChoice));
        const answer = fittingOutput(toFit, floor);
        if (answer === null) {
          expect(fits(toFit, least)).toBe(false);
          return;
        }
        expect(answer).toBeGreaterThanOrEqual(least);
        expect(answer).toBeLessThanOrEqual(maxOutputPerChoice);
        expect(fits(toFit, answer)).toBe(true);
        if (answer < maxOutputPerChoice) expect(fits(toFit, answer + 1)).toBe(false);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each<[string, Partial<Remaining>, number | null]>([
    ['nothing limits it', {}, 1_000],
    ['all fits to the last token', { outputTokens: 2_000, totalTokens: 2_100, cost: 2_100 }, 1_000],
    ['output tokens are few', { outputTokens: 1_999 }, 999],
    ['total tokens are few', { totalTokens: 1_099 }, 499],
    ['money is little', { cost: 1_099 }, 499],
    ['the floor fits', { outputTokens: 512 }, 256],
    ['not even the floor fits', { outputTokens: 511 }, null],
    ['the input alone is too dear', { cost: 99 }, null],
    ['something is overdrawn', { totalTokens: -1 }, null],
    ['nothing is left', { cost: 0, outputTokens: 0, totalTokens: 0 }, null],
  ])('when %s', (_, remaining, answer) => {
    const unlimited = { cost: Infinity, outputTokens: Infinity, totalTokens: Infinity };
    const at = {
      inputNanosPerMillion: 1_000_000n,
      outputNanosPerMillion: 1_000_000n,
      cachedInputNanosPerMillion: null,
    };
    const worstCase = worstOf(100, 2, 1_000);
    const toFit = { worstCase, price: at, remaining: { ...unlimited, ...remaining } };
    expect(fittingOutput(toFit, 256)).toBe(answer);
  });

  it('lets a call that asks for less than the floor have what it asks for, or nothing', () => {
    const free = {
      inputNanosPerMillion: 0n,
      outputNanosPerMillion: 0n,
      cachedInputNanosPerMillion: null,
    };
    const answer = (outputTokens: number): number | null =>
      fittingOutput(
        {
          worstCase: worstOf(5, 1, 10),
          price: free,
          remaining: { cost: 0, outputTokens, totalTokens: Infinity },
        },
        256,
      );
    expect(answer(10)).toBe(10);
    expect(answer(9)).toBeNull();
  });

  it('has nothing to lower for a call without output', () => {
    const at = {
      inputNanosPerMillion: 1_000_000n,
      outputNanosPerMillion: 0n,
      cachedInputNanosPerMillion: null,
    };
    const answer = (cost: number): number | null =>
      fittingOutput(
        {
          worstCase: worstOf(10, 1, 0),
          price: at,
          remaining: { cost, outputTokens: 0, totalTokens: 10 },
        },
        256,
      );
    expect(answer(10)).toBe(0);
    expect(answer(9)).toBeNull();
  });
});

describe('holdToOutput', () => {
  const worstCase = worstOf(50, 1, 100);

  it('is told to the client under a name that clients rely on', () => {
    expect(MAX_TOKENS_HEADER).toBe('x-latchkey-max-tokens');
  });

  it.each([
    [100, false, null, '{"model":"m"}'],
    [100, true, 100, '{"max_tokens":100,"model":"m"}'],
    [60, false, 60, '{"max_tokens":60,"model":"m"}'],
  ])('of %d, must tell: %s', (perChoice, mustTellProvider, header, sent) => {
    const request = parseInferenceRequest(Buffer.from('{"model":"m"}'), CHAT_COMPLETIONS);
    expect(holdToOutput(request, { ...worstCase, mustTellProvider }, perChoice)).toBe(header);
    expect(upstreamBody(request, 'm').toString()).toBe(sent);
  });
});
