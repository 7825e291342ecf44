import { beforeAll, describe, expect, it } from 'vitest';

import { TokenCounter } from './token-counter.js';

const counter = new TokenCounter();
beforeAll(() => counter.onModuleInit());

describe('count', () => {
  it.each([
    ['', 0],
    ['Hello', 1],
    ['Hello!', 2],
    ['one two three four five', 5],
  ])('%j has %d tokens', (text, tokens) => {
    expect(counter.count(text)).toBe(tokens);
  });

  it('estimates a long text, and is quick with it', () => {
    const startedAt = performance.now();
    expect(counter.count('x'.repeat(40_000_000))).toBe(10_000_000);
    expect(performance.now() - startedAt).toBeLessThan(100);
  });

  it('counts the longest text that it counts in a moment', () => {
    for (const text of ['word '.repeat(13_107), 'x'.repeat(65_536), '\u{1F511}'.repeat(32_768)]) {
      const startedAt = performance.now();
      expect(counter.count(text)).toBeGreaterThan(0);
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
  });

  it('estimates before the tables are loaded', () => {
    expect(new TokenCounter().count('12345')).toBe(2);
  });
});

describe('countInput', () => {
  it.each([
    ['nothing', {}, 0],
    ['a text', { input: 'Hello' }, 1],
    ['texts', { input: ['Hello', 'Hello'] }, 3],
    [
      'fields that are not read by the model',
      { model: 'Hello', user: 'Hello', prompt: 'Hello' },
      1,
    ],
    ['a picture', { messages: [{ content: `data:image/png;base64,${'A'.repeat(1_000_000)}` }] }, 0],
    ['no text at all', { messages: [{ content: [1, null, true] }] }, 0],
  ])('of %s', (_, parsed, tokens) => {
    expect(counter.countInput(parsed)).toBe(tokens);
  });

  it('reads messages, tools and functions at any depth', () => {
    const few = counter.countInput({ messages: [{ role: 'user', content: 'Hello' }] });
    const parts = [{ type: 'text', text: 'Hello' }];
    const more = counter.countInput({
      messages: [{ role: 'user', content: parts }],
      tools: [
        { function: { name: 'f', parameters: { properties: { a: { description: 'Hello' } } } } },
      ],
      functions: [{ name: 'g' }],
    });
    expect(few).toBeGreaterThan(1);
    expect(more).toBeGreaterThan(few + 3);
  });
});

describe('countEscaped', () => {
  it.each([
    ['', 0],
    ['Hello', 1],
    ['\\u0048ello', 1],
    ['one\\ntwo', 3],
  ])('%j has %d tokens', (escaped, tokens) => {
    expect(counter.countEscaped(escaped)).toBe(tokens);
  });

  it.each(['Hello\\', 'Hello\\u00', 'Hello\u0000', '"'])(
    'counts what is cut as it stands: %j',
    (cut) => {
      expect(counter.countEscaped(cut)).toBeGreaterThan(0);
    },
  );
});
