import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { costNanos, formatUsd, parseUsd, type TokenPrice, usdNumber } from './money.js';

describe('parseUsd', () => {
  it.each([
    ['0', 0n],
    ['2.5', 2_500_000_000n],
    ['0.000000001', 1n],
    ['999999999999.999999999', 999_999_999_999_999_999_999n],
    ['007', 7_000_000_000n],
    [0.1, 100_000_000n],
    [1e-9, 1n],
    [3e-7, 300n],
    [0, 0n],
    [-0, 0n],
    [1_000_000, 1_000_000_000_000_000n],
  ])('reads %s as %s nano-dollars', (amount, nanos) => {
    expect(parseUsd(amount)).toBe(nanos);
  });

  it.each([
    '',
    ' 1',
    '1 ',
    '-1',
    '+1',
    '1.',
    '.5',
    '1e3',
    '0x1',
    '1,5',
    '1.0000000001',
    '1234567890123',
    '٣',
    'NaN',
    NaN,
    Infinity,
    -1,
    1e21,
    1e-10,
    1.5e-9,
    Number.MIN_VALUE,
  ])('refuses %s rather than round it', (amount) => {
    expect(parseUsd(amount)).toBeNull();
  });

  it('reads back every amount that formatUsd writes', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 21n - 1n), (nanos) => {
        expect(parseUsd(formatUsd(nanos))).toBe(nanos);
      }),
    );
  });
});

describe('formatUsd and usdNumber', () => {
  it.each([
    [0n, '0'],
    [15n, '0.000000015'],
    [2_500_000_000n, '2.5'],
    [-1n, '-0.000000001'],
    [-2_500_000_000n, '-2.5'],
    [10n ** 30n, '1000000000000000000000'],
  ])('%s nano-dollars are %s USD', (nanos, text) => {
    expect(formatUsd(nanos)).toBe(text);
    expect(usdNumber(nanos)).toBe(Number(text));
  });

  it('a number in an answer is exact up to 8 million USD', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 8_000_000n * 10n ** 9n), (nanos) => {
        // Reads the shortest digits that name the number, which is what JSON has.
        expect(parseUsd(usdNumber(nanos))).toBe(nanos);
      }),
    );
  });
});

describe('costNanos', () => {
  const price: TokenPrice = {
    inputNanosPerMillion: 150_000_000n,
    outputNanosPerMillion: 600_000_000n,
    cachedInputNanosPerMillion: 75_000_000n,
  };
  const prices = fc.record({
    inputNanosPerMillion: fc.bigInt(0n, 10n ** 15n),
    outputNanosPerMillion: fc.bigInt(0n, 10n ** 15n),
    cachedInputNanosPerMillion: fc.option(fc.bigInt(0n, 10n ** 15n)),
  });
  const counts = fc.record({
    inputTokens: fc.nat(100_000_000),
    outputTokens: fc.nat(100_000_000),
    cachedInputTokens: fc.nat(100_000_000),
  });

  it('charges cached input at its own price', () => {
    const tokens = { inputTokens: 11, cachedInputTokens: 4, outputTokens: 7 };
    expect(costNanos(price, tokens)).toBe(5_550n);
    expect(costNanos({ ...price, cachedInputNanosPerMillion: null }, tokens)).toBe(5_850n);
  });

  it('rounds up once: never below the exact sum, and less than a nano-dollar above', () => {
    fc.assert(
      fc.property(prices, counts, (given, tokens) => {
        const cached = BigInt(Math.min(tokens.cachedInputTokens, tokens.inputTokens));
        const exact =
          (BigInt(tokens.inputTokens) - cached) * given.inputNanosPerMillion +
          cached * (given.cachedInputNanosPerMillion ?? given.inputNanosPerMillion) +
          BigInt(tokens.outputTokens) * given.outputNanosPerMillion;
        const above = costNanos(given, tokens) * 1_000_000n - exact;
        expect(above >= 0n && above < 1_000_000n).toBe(true);
      }),
    );
  });

  it('is never negative, not even with more cached tokens than tokens', () => {
    const tokens = { inputTokens: 1, cachedInputTokens: 1_000, outputTokens: 0 };
    expect(costNanos(price, tokens)).toBe(75n);
  });
});
