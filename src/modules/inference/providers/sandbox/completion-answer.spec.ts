import fc from 'fast-check';
import type OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { answerSandbox, type SandboxCall } from './sandbox-answer.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer();
}, 30_000);

function callOf(body: object, more: Partial<SandboxCall> = {}): SandboxCall {
  return {
    surface: 'completions',
    model: 'sandbox/echo',
    body: body as Record<string, unknown>,
    includeUsage: true,
    controls: {},
    id: 'cmpl-1',
    createdSeconds: 1_760_000_000,
    ...more,
  };
}

function complete(body: object, more: Partial<SandboxCall> = {}): OpenAI.Completion {
  const answer = answerSandbox(callOf(body, more), tokenizer);
  if (answer.kind !== 'json') throw new Error('A stream came.');
  return JSON.parse(answer.body) as OpenAI.Completion;
}

function stream(body: object, more: Partial<SandboxCall> = {}): unknown[] {
  const answer = answerSandbox(callOf({ ...body, stream: true }, more), tokenizer);
  if (answer.kind !== 'stream') throw new Error('No stream came.');
  expect(answer.chunks.at(-1)).toBe('data: [DONE]\n\n');
  return answer.chunks.slice(0, -1).map((event) => JSON.parse(event.slice(6)) as unknown);
}

const head = {
  id: 'cmpl-1',
  object: 'text_completion',
  created: 1_760_000_000,
  model: 'sandbox/echo',
  system_fingerprint: 'fp_latchkey_sandbox',
} as const;
const usage = {
  prompt_tokens: 2,
  completion_tokens: 2,
  total_tokens: 4,
  prompt_tokens_details: { cached_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

describe('text completion', () => {
  it('has exactly the shape of OpenAI', () => {
    const expected: OpenAI.Completion = {
      ...head,
      choices: [{ index: 0, text: 'hello world', logprobs: null, finish_reason: 'stop' }],
      usage,
    };
    expect(complete({ prompt: 'hello world' })).toStrictEqual(expected);
  });

  it('streams the same in pieces', () => {
    const step = (text: string, reason: 'stop' | null): object => ({
      ...head,
      usage: null,
      choices: [{ index: 0, text, logprobs: null, finish_reason: reason }],
    });
    expect(stream({ prompt: 'hello world' })).toStrictEqual([
      step('hello', null),
      step(' world', null),
      step('', 'stop'),
      { ...head, choices: [], usage },
    ]);
    expect(stream({ prompt: 'hello world' }, { includeUsage: false })[0]).not.toHaveProperty(
      'usage',
    );
  });

  it('cuts at max_tokens and at stop', () => {
    const cut = complete({ prompt: 'one two three', max_tokens: 2 });
    expect(cut.choices[0]).toMatchObject({ text: 'one two', finish_reason: 'length' });
    const stopped = complete({ prompt: 'one two three', stop: ' two' });
    expect(stopped.choices[0]).toMatchObject({ text: 'one', finish_reason: 'stop' });
  });

  it('answers every prompt n times, the first prompt first', () => {
    const completion = complete({ prompt: ['one', 'hello world'], n: 2 });
    expect(completion.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, 'one'],
      [1, 'one'],
      [2, 'hello world'],
      [3, 'hello world'],
    ]);
    expect(completion.usage).toMatchObject({ prompt_tokens: 3, completion_tokens: 6 });
  });

  it.each([[[24912, 2375]], [[[24912, 2375]]]])('reads the tokens %j', (prompt) => {
    expect(complete({ prompt })).toMatchObject({ choices: [{ text: 'hello world' }], usage });
  });

  it('answers lorem ipsum and the text of the controls', () => {
    const lorem = complete({ prompt: 'x', max_tokens: 5 }, { model: 'sandbox/lorem' });
    expect(lorem.choices[0]?.text).toMatch(/^Lorem ipsum/);
    expect(lorem.usage?.completion_tokens).toBe(5);
    expect(complete({ prompt: 'x' }, { controls: { text: 'yes' } }).choices[0]?.text).toBe('yes');
  });

  it('says in a stream what it says without', () => {
    const prompts = fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(prompts, fc.integer({ min: 1, max: 20 }), (prompt, maxTokens) => {
        const body = { prompt, max_tokens: maxTokens, n: 2 };
        const whole = complete(body);
        const chunks = stream(body) as OpenAI.Completion[];
        for (const choice of whole.choices) {
          const own = chunks.flatMap((chunk) =>
            chunk.choices.filter((c) => c.index === choice.index),
          );
          expect(own.map((c) => c.text).join('')).toBe(choice.text);
          expect(own.at(-1)?.finish_reason).toBe(choice.finish_reason);
        }
        expect(chunks.at(-1)?.usage).toEqual(whole.usage);
      }),
      { numRuns: 100 },
    );
  });

  it.each<[string, object]>([
    ['prompt', {}],
    ['prompt', { prompt: null }],
    ['prompt', { prompt: 5 }],
    ['prompt', { prompt: [] }],
    ['prompt', { prompt: Array.from({ length: 65 }, () => 'a') }],
    ['prompt[1]', { prompt: ['a', {}] }],
    ['prompt[0]', { prompt: [199_998] }],
    ['prompt[0]', { prompt: [[-1]] }],
    ['n', { prompt: 'a', n: 9 }],
    ['n', { prompt: Array.from({ length: 9 }, () => 'a'), n: 8 }],
    ['max_tokens', { prompt: 'a', max_tokens: 0 }],
    ['stream', { prompt: 'a', stream: 1 }],
  ])('is refused for its %s', (param, body) => {
    expect(() => complete(body)).toThrow(AppError);
    expect(() => complete(body)).toThrow(
      expect.objectContaining({ code: 'invalid_request', param }) as Error,
    );
  });

  it('reads at most 256 KiB of text and 65,536 tokens', () => {
    const tooLong = expect.objectContaining({ code: 'context_length_exceeded' }) as Error;
    expect(() => complete({ prompt: ['a', 'b'.repeat(256 * 1024)] })).toThrow(tooLong);
    expect(() => complete({ prompt: Array.from({ length: 65_537 }, () => 1) })).toThrow(tooLong);
  });
});
