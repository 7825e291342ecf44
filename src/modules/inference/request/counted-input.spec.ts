import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { TokenCounter } from '../metering/token-counter.js';
import { CHAT_COMPLETIONS, EMBEDDINGS } from '../surface.js';
import { exactInputTokens } from './counted-input.js';
import { parseInferenceRequest } from './inference-request.js';
import { DEFAULT_CONTEXT_LENGTH, IMAGE_TOKENS, TOOLS_TOKENS } from './unseen-input.js';
import { worstCaseOf } from './worst-case.js';

const TARGET = { upstreamModel: 'm', contextLength: null, maxOutputTokens: null };
const counter = new TokenCounter();
beforeAll(() => counter.onModuleInit());

function both(text: string, surface = CHAT_COMPLETIONS): { exact: number; bound: number } {
  const request = parseInferenceRequest(Buffer.from(text), surface);
  return {
    exact: exactInputTokens(request, TARGET, counter),
    bound: worstCaseOf(request, surface, TARGET, null).inputTokens,
  };
}

function chat(content: unknown, others: object = {}): string {
  return JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], ...others });
}

describe('exactInputTokens', () => {
  it('is far below the bytes for prose, and above what the tokenizer counts', () => {
    const prose = 'Most of what people write to a model is prose like this sentence. '.repeat(100);
    const { exact, bound } = both(chat(prose));
    expect(exact).toBeGreaterThan(counter.count(prose) * 1.5);
    expect(exact).toBeLessThan(bound / 2);
  });

  it('is never above the bound by bytes, and never below the texts with their messages', () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.lorem({ maxCount: 50 }));
    const role = fc.constantFrom('user', 'assistant', 'system');
    const messages = fc.array(fc.record({ role, content: text }), { minLength: 1, maxLength: 6 });
    const others = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });
    fc.assert(
      fc.property(messages, others, (list, rest) => {
        const { exact, bound } = both(JSON.stringify({ model: 'm', rest, messages: list }));
        expect(exact).toBeLessThanOrEqual(bound);
        const counted = list.reduce((sum, { content }) => sum + counter.count(content) + 4, 3);
        expect(exact).toBeGreaterThanOrEqual(counted);
      }),
      { numRuns: 300 },
    );
  });

  it('counts each digit, as some tokenizers do', () => {
    const digits = '1234567890'.repeat(100);
    expect(both(chat(digits)).exact).toBeGreaterThanOrEqual(1_000);
  });

  it('counts names and numbers of tools, and what providers say of them', () => {
    const properties = {
      'a rather long name of a property': { type: 'integer', maximum: 123_456 },
    };
    const tools = [{ type: 'function', function: { name: 'f', parameters: { properties } } }];
    const more = both(chat('hi', { tools })).exact - both(chat('hi')).exact;
    expect(more).toBeGreaterThan(TOOLS_TOKENS + 20);
  });

  it('takes a token that is given by number for one', () => {
    const tokens = Array<number>(1_000).fill(199_000);
    const { exact } = both(JSON.stringify({ model: 'm', input: [tokens] }), EMBEDDINGS);
    expect(exact).toBeGreaterThanOrEqual(1_000);
    expect(exact).toBeLessThan(1_050);
    // In a message a number is text.
    expect(both(chat([tokens])).exact).toBeGreaterThan(6_000);
  });

  it('takes images at their price, without their bytes', () => {
    const url = `data:image/png;base64,${'A'.repeat(10_000)}`;
    for (const image_url of [url, { url, detail: 'high' }]) {
      const { exact } = both(chat([{ type: 'image_url', image_url }]));
      expect(exact).toBeGreaterThan(IMAGE_TOKENS);
      expect(exact).toBeLessThan(IMAGE_TOKENS + 100);
    }
    // Only there are they images.
    expect(both(chat([{ type: 'text', text: url }])).exact).toBeGreaterThan(1_000);
    expect(both(chat('hi', { tools: [{ image_url: url }] })).exact).toBeGreaterThan(1_000);
    expect(both(chat([{ type: 'file', file: { file_id: 'f' } }])).exact).toBeGreaterThan(
      DEFAULT_CONTEXT_LENGTH,
    );
  });

  it('takes each byte for a token beyond what is counted', () => {
    const word = ' word'.repeat(4_000);
    const { exact, bound } = both(chat(word));
    expect(exact).toBeGreaterThan(word.length - 16 * 1024);
    expect(exact).toBeLessThan(bound - 5_000);
  });

  it('goes by the bytes where a key stands twice, since who knows which one is read', () => {
    const long = 'word '.repeat(200);
    const { exact, bound } = both(
      `{"model":"m","messages":[{"role":"user","content":"${long}","content":"hi"}]}`,
    );
    expect(exact).toBe(bound);
  });
});
