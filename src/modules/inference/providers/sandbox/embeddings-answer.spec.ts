import type OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';

import { answerSandbox } from './sandbox-answer.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer();
}, 30_000);

function embed(body: Record<string, unknown>): OpenAI.CreateEmbeddingResponse {
  const answer = answerSandbox(
    {
      surface: 'embeddings',
      model: 'text-embedding-3-small',
      body,
      includeUsage: false,
      controls: {},
      id: 'unused',
      createdSeconds: 1,
    },
    tokenizer,
  );
  if (answer.kind !== 'json') throw new Error('A stream came.');
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body) as OpenAI.CreateEmbeddingResponse;
}

const lengthOf = (vector: readonly number[]): number => Math.hypot(...vector);
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, number, index) => sum + number * (b[index] ?? NaN), 0);
const vectorsOf = (body: Record<string, unknown>): number[][] =>
  embed(body).data.map((item) => item.embedding);

describe('embeddings', () => {
  it('have exactly the shape of OpenAI', () => {
    const [first = []] = vectorsOf({ input: 'hello world', dimensions: 2 });
    const expected: OpenAI.CreateEmbeddingResponse = {
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: first }],
      model: 'text-embedding-3-small',
      usage: { prompt_tokens: 2, total_tokens: 2 },
    };
    expect(first).toHaveLength(2);
    expect(embed({ input: 'hello world', dimensions: 2 })).toStrictEqual(expected);
  });

  it.each([undefined, 1, 3, 256, 3_072])('have %s numbers and length 1', (dimensions) => {
    for (const vector of vectorsOf({ input: ['a', 'b', 'ü 🦩'], dimensions })) {
      expect(vector).toHaveLength(dimensions ?? 256);
      expect(lengthOf(vector)).toBeCloseTo(1, 6);
    }
  });

  it('are equal for equal texts and unrelated for others', () => {
    const [a = [], b = [], again = []] = vectorsOf({ input: ['cat', 'cats', 'cat'] });
    expect(again).toEqual(a);
    expect(vectorsOf({ input: 'cat' })[0]).toEqual(a);
    expect(Math.abs(dot(a, b))).toBeLessThan(0.4);
  });

  it('stay the same from release to release', () => {
    // Worked out apart, with Python's hashlib.
    const [vector = []] = vectorsOf({ input: 'hello world', dimensions: 3 });
    expect(vector.map((number) => number.toFixed(4))).toEqual(['0.9272', '0.0199', '0.3741']);
  });

  it('are the same numbers in base64, as little-endian float32', () => {
    const [floats = []] = vectorsOf({ input: 'hello', encoding_format: 'float' });
    const packed = embed({ input: 'hello', encoding_format: 'base64' }).data[0]?.embedding;
    const bytes = Buffer.from(packed as unknown as string, 'base64');
    expect(bytes).toHaveLength(256 * 4);
    const unpacked = Array.from({ length: 256 }, (_, index) => bytes.readFloatLE(index * 4));
    expect(unpacked).toEqual(floats);
  });

  it('take tokens for the text that they stand for', () => {
    const [text] = vectorsOf({ input: 'hello world' });
    expect(vectorsOf({ input: [24912, 2375] })).toEqual([text]);
    const response = embed({ input: [[24912, 2375], [24912]] });
    expect(response.data[0]?.embedding).toEqual(text);
    expect(response.usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
  });

  it('come for 2,048 inputs at once', () => {
    const response = embed({ input: Array.from({ length: 2_048 }, (_, index) => `text ${index}`) });
    expect(response.data).toHaveLength(2_048);
    expect(response.data[2_047]?.index).toBe(2_047);
  });

  it.each<[string, Record<string, unknown>]>([
    ['input', {}],
    ['input', { input: null }],
    ['input', { input: '' }],
    ['input', { input: [] }],
    ['input', { input: {} }],
    ['input', { input: Array.from({ length: 2_049 }, () => 'a') }],
    ['input[1]', { input: ['a', ''] }],
    ['input[0]', { input: [[]] }],
    ['input[0]', { input: [1.5] }],
    ['input[1]', { input: ['a', [300_000]] }],
    ['dimensions', { input: 'a', dimensions: 0 }],
    ['dimensions', { input: 'a', dimensions: 3_073 }],
    ['dimensions', { input: Array.from({ length: 2_048 }, () => 'a'), dimensions: 3_072 }],
    ['encoding_format', { input: 'a', encoding_format: 'int8' }],
  ])('are refused for their %s', (param, body) => {
    expect(() => embed(body)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param }) as Error,
    );
  });

  it('are refused for more than 256 KiB of text', () => {
    expect(() => embed({ input: ['a', 'b'.repeat(256 * 1024)] })).toThrow(
      expect.objectContaining({ code: 'context_length_exceeded' }) as Error,
    );
  });
});
