import fc from 'fast-check';
import { countTokens as uncutCount } from 'gpt-tokenizer/encoding/o200k_base';
import { beforeAll, describe, expect, it } from 'vitest';

import { loadTokenizer, MAX_TOKEN, type Tokenizer } from './tokenizer.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer();
}, 30_000);

/** Any UTF-16, lone surrogates and long runs included. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 })
    .map((units) => String.fromCharCode(...units)),
  fc
    .tuple(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 2 }), fc.nat(400))
    .map(([unit, times]) => unit.repeat(times)),
);
const wellFormed = (text: string): string => Buffer.from(text).toString();

describe('tokenizer', () => {
  it('gives the tokens of o200k_base', () => {
    // From OpenAI's tiktoken: enc = tiktoken.get_encoding("o200k_base").
    expect(tokenizer.encode('hello world')).toEqual([24912, 2375]);
    expect(tokenizer.count('')).toBe(0);
  });

  it('counts ordinary text exactly as the library does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 30 }),
        (words) => {
          const text = words.join(' ');
          expect(tokenizer.count(text)).toBe(uncutCount(text, { disallowedSpecial: new Set() }));
        },
      ),
    );
    for (const ruler of ['='.repeat(80), ' '.repeat(100), '春'.repeat(120), 'x'.repeat(128)]) {
      expect(tokenizer.count(ruler)).toBe(uncutCount(ruler));
    }
  });

  it('is loaded once', async () => {
    expect(await loadTokenizer()).toBe(tokenizer);
  });

  it('takes special tokens in a text as ordinary text', () => {
    for (const special of ['<|endoftext|>', '<|im_start|>', '<|endofprompt|>', '<|fim_prefix|>']) {
      const tokens = tokenizer.encode(`a ${special} b`);
      expect(Math.max(...tokens)).toBeLessThanOrEqual(MAX_TOKEN);
      expect(tokenizer.decode(tokens)).toBe(`a ${special} b`);
    }
  });

  it('brings every text back, lone surrogates as U+FFFD', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const tokens = tokenizer.encode(text);
        expect(tokenizer.decode(tokens)).toBe(wellFormed(text));
        expect(tokenizer.pieces(tokens).join('')).toBe(wellFormed(text));
        expect(tokenizer.count(text)).toBe(tokens.length);
      }),
      { numRuns: 300 },
    );
  });

  it('has no half characters in its pieces, wherever the tokens are cut', () => {
    fc.assert(
      fc.property(anyText, fc.nat(50), (text, cut) => {
        const kept = tokenizer.pieces(tokenizer.encode(text).slice(0, cut)).join('');
        expect(wellFormed(text).startsWith(kept)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps no state between calls after half a character', () => {
    const [first = 0] = tokenizer.encode('🦩');
    expect(tokenizer.pieces([first])).toEqual([]);
    tokenizer.decode([first]);
    expect(tokenizer.decode(tokenizer.encode('plain'))).toBe('plain');
  });

  it('refuses a token that does not exist', () => {
    expect(() => tokenizer.decode([MAX_TOKEN + 1])).toThrow(RangeError);
    expect(() => tokenizer.decode([MAX_TOKEN])).not.toThrow();
  });

  // Without cutting, each of these takes half a minute; the bound leaves room for a busy machine.
  it.each([
    ['a letter', 'a'],
    ['capitals', 'Q'],
    ['spaces', ' '],
    ['digits', '1'],
    ['newlines', '\n'],
    ['punctuation', '!'],
    ['a combining mark', '\u0301'],
    ['an ideograph', '的'],
    ['an emoji', '😀'],
  ])('reads 256 KiB of %s in bounded time', (_, unit) => {
    const text = unit.repeat((256 * 1024) / Buffer.byteLength(unit));
    const start = performance.now();
    const tokens = tokenizer.encode(text);
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(tokenizer.decode(tokens)).toBe(text);
  });

  it('counts long runs almost as the encoding does', () => {
    // `-` × 64 is one token: 2,048 of them are 32.
    expect(tokenizer.count('-'.repeat(2_048))).toBe(32);
    // Against the library without cuts: at most a token for each cut.
    for (const text of ['of'.repeat(500), 'Lorem'.repeat(200), '天地玄黃宇宙洪荒'.repeat(80)]) {
      const cuts = Math.floor(text.length / 128);
      expect(Math.abs(tokenizer.count(text) - uncutCount(text))).toBeLessThanOrEqual(cuts);
    }
  });

  it.each(['x\t\t', 'if (a)\n', 'don’t  ', '12345 \u00a0'])(
    'counts %j in front of a long run as in front of a short one',
    (front) => {
      const fronts = [100, 1_000].map((length) => {
        const tokens = tokenizer.encode(`${front}${'!'.repeat(length)}`);
        return tokens.slice(
          0,
          tokens.findIndex((token) => tokenizer.decode([token]).includes('!')),
        );
      });
      expect(fronts[0]?.length).toBeGreaterThan(0);
      expect(fronts[1]).toEqual(fronts[0]);
    },
  );
});
