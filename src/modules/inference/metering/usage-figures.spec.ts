import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { readUsage } from './usage-figures.js';

describe('readUsage', () => {
  it('reads OpenAI’s figures with their details', () => {
    expect(
      readUsage({
        prompt_tokens: 11,
        completion_tokens: 7,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 5 },
      }),
    ).toEqual({ inputTokens: 11, outputTokens: 7, cachedInputTokens: 4, reasoningTokens: 5 });
  });

  it('takes embeddings, which have no output', () => {
    expect(readUsage({ prompt_tokens: 3, total_tokens: 3 })).toMatchObject({ outputTokens: 0 });
  });

  it.each([undefined, null])('takes output of %s from the total', (completion_tokens) => {
    const usage = { prompt_tokens: 3, completion_tokens, total_tokens: 10 };
    expect(readUsage(usage)).toMatchObject({ inputTokens: 3, outputTokens: 7 });
  });

  it.each([0, 5, 1e18, -1, 'x', null])(
    'does not look at a total of %s otherwise',
    (total_tokens) => {
      const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens };
      expect(readUsage(usage)).toMatchObject({ inputTokens: 3, outputTokens: 4 });
    },
  );

  it.each([
    undefined,
    null,
    7,
    'x',
    [],
    {},
    { prompt_tokens: null },
    { prompt_tokens: -1 },
    { prompt_tokens: 1.5 },
    { prompt_tokens: NaN },
    { prompt_tokens: Infinity },
    { prompt_tokens: '3' },
    { prompt_tokens: 100_000_001 },
    { prompt_tokens: 3, completion_tokens: -1 },
    { prompt_tokens: 3, completion_tokens: 'x' },
    { completion_tokens: 3 },
    { prompt_tokens: 3 },
    { prompt_tokens: 3, completion_tokens: null },
    { prompt_tokens: 3, total_tokens: 2 },
    { prompt_tokens: 3, total_tokens: '9' },
    { prompt_tokens: 3, total_tokens: 1e18 },
  ])('does not use %j', (usage) => {
    expect(readUsage(usage)).toBeNull();
  });

  it('never answers a figure that is negative, no integer, or a part larger than its whole', () => {
    const figure = fc.oneof(fc.anything(), fc.integer(), fc.double(), fc.nat(1_000));
    const usage = fc.record(
      {
        prompt_tokens: figure,
        completion_tokens: figure,
        total_tokens: figure,
        prompt_tokens_details: fc.oneof(fc.anything(), fc.record({ cached_tokens: figure })),
        completion_tokens_details: fc.oneof(fc.anything(), fc.record({ reasoning_tokens: figure })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(usage, (given) => {
        const read = readUsage(given);
        if (!read) return;
        for (const tokens of Object.values(read)) {
          expect(Number.isInteger(tokens) && tokens >= 0 && tokens <= 100_000_000).toBe(true);
        }
        expect(read.cachedInputTokens).toBeLessThanOrEqual(read.inputTokens);
        expect(read.reasoningTokens).toBeLessThanOrEqual(read.outputTokens);
      }),
    );
  });
});
