import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { JsonAnswer } from './json-answer.js';

const USAGE = { prompt_tokens: 11, completion_tokens: 7 };
const FIGURES = { inputTokens: 11, outputTokens: 7, cachedInputTokens: 0, reasoningTokens: 0 };
const LONG = 'x'.repeat(1_100_000);

function answer(...pieces: readonly string[]): JsonAnswer {
  const collected = new JsonAnswer();
  for (const piece of pieces) collected.push(Buffer.from(piece));
  return collected;
}

function usageOf(value: unknown): unknown {
  return answer(JSON.stringify(value)).read()?.usage;
}

describe('read', () => {
  it('hands back the bytes that came, in however many pieces', () => {
    const text = Buffer.from(JSON.stringify({ x: 'é\u{1F511}', usage: USAGE }, null, 1));
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 6 }), (cuts) => {
        const collected = new JsonAnswer();
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        places.forEach((place, index) =>
          collected.push(text.subarray(places[index - 1] ?? 0, place)),
        );
        const read = collected.read();
        expect(read?.body.equals(text)).toBe(true);
        expect(read?.usage).toEqual(FIGURES);
        expect(collected.length).toBe(text.length);
      }),
    );
  });

  it.each([
    ['at the end', { a: 1, usage: USAGE }],
    ['before other members', { a: 1, usage: USAGE, service_tier: 'x', z: { y: [] } }],
    ['at the start', { usage: USAGE, choices: [{ text: 'x'.repeat(30_000) }] }],
    ['after a text that looks like it', { a: '"usage":{"prompt_tokens":1}', usage: USAGE }],
    ['before a text that looks like it', { usage: USAGE, a: '"usage":{"prompt_tokens":1}}' }],
    ['at the end of a long answer', { a: LONG, usage: USAGE }],
  ])('finds the usage %s', (_, value) => {
    expect(usageOf(value)).toEqual(FIGURES);
  });

  it.each([
    ['there is none', { a: 1 }],
    ['it is null', { a: 1, usage: null }],
    ['it is negative', { usage: { prompt_tokens: -1, completion_tokens: 1 } }],
    ['it stands further in', { choices: [{ usage: USAGE }] }],
    ['it stands further in, last', { x: { usage: USAGE } }],
    ['a text says so', { content: '},"usage":{"prompt_tokens":1,"completion_tokens":1}}' }],
    ['the answer is long and has none', { a: LONG }],
    ['the answer is long and it is null', { a: LONG, usage: null }],
    ['the answer is long and it is negative', { a: LONG, usage: { prompt_tokens: -1 } }],
    ['the answer is long and it stands further in', { a: LONG, x: { usage: USAGE } }],
  ])('answers no usage when %s', (_, value) => {
    expect(usageOf(value)).toBeNull();
  });

  it.each([
    '',
    ' ',
    '{',
    '{"a":',
    '{"a":1}}',
    '{"usage":NaN}',
    'null',
    '"text"',
    '17',
    'usage',
    '{"usage":{"prompt_tokens":1,"completion_tokens":1}',
    `{"a":"${LONG}"`,
    `{"a":"${LONG}`,
    `[${'1,'.repeat(600_000)}1]`,
  ])('%.50s is not a whole object', (text) => {
    expect(answer(text).read()).toBeNull();
  });

  it.each([
    ['braces after a broken usage', `{"usage":NaN,"x":"${'}'.repeat(3_000_000)}"}`],
    ['a million usages', `{${'"usage":{},'.repeat(1_000_000)}"x":1}`],
    ['a million open usages', `{"x":"${'"usage":{'.repeat(1_000_000)}"}`],
  ])('is quick with %s', (_, text) => {
    const collected = answer(text);
    const startedAt = performance.now();
    collected.read();
    expect(performance.now() - startedAt).toBeLessThan(500);
  });

  it('cuts at any place are never taken for the whole', () => {
    const whole = JSON.stringify({ choices: [{ text: '}{' }], usage: USAGE, x: { y: 1 } });
    for (let end = 0; end < whole.length; end++) {
      expect(answer(whole.slice(0, end)).read()).toBeNull();
    }
  });
});

describe('text', () => {
  it.each([
    [{ choices: [{ message: { content: 'a"b\n' } }, { text: 'c' }] }, 'a\\"b\\nc'],
    [{ choices: [{ message: { reasoning_content: 'r', content: 'a' } }] }, 'ra'],
    [
      { choices: [{ message: { tool_calls: [{ function: { arguments: '{"x":1}' } }] } }] },
      '{\\"x\\":1}',
    ],
    [{ data: [{ embedding: [1] }] }, ''],
    [{ choices: [{ message: { content: null } }] }, ''],
  ])('of %j', (value, text) => {
    expect(answer(JSON.stringify(value)).text).toBe(text);
  });

  it('has what came of an answer that was cut', () => {
    expect(answer('{"choices":[{"message":{"content": "one two').text).toBe('one two');
  });

  it('of a long answer is its first mebibyte', () => {
    expect(answer(JSON.stringify({ content: 'x'.repeat(5_000_000) })).text.length).toBeGreaterThan(
      1_000_000,
    );
  });
});

it('says when there is more than is taken', () => {
  const collected = new JsonAnswer();
  const mebibyte = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 96; i++) collected.push(mebibyte);
  expect(collected.isTooLong).toBe(false);
  collected.push(Buffer.from('x'));
  expect(collected.isTooLong).toBe(true);
});
