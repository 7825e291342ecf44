import fc from 'fast-check';
import type OpenAI from 'openai';
import { beforeAll, describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';

import { answerSandbox, type SandboxCall } from './sandbox-answer.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';

type ChatParams = Omit<OpenAI.Chat.ChatCompletionCreateParams, 'model'>;
type Chunk = OpenAI.Chat.ChatCompletionChunk;

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer();
}, 30_000);

function callOf(body: object, more: Partial<SandboxCall> = {}): SandboxCall {
  return {
    surface: 'chat.completions',
    model: 'sandbox/echo',
    body: body as Record<string, unknown>,
    includeUsage: false,
    controls: {},
    id: 'chatcmpl-1',
    createdSeconds: 1_760_000_000,
    ...more,
  };
}

function complete(body: ChatParams, more: Partial<SandboxCall> = {}): OpenAI.Chat.ChatCompletion {
  const answer = answerSandbox(callOf(body, more), tokenizer);
  if (answer.kind !== 'json') throw new Error('A stream came.');
  expect(answer.status).toBe(200);
  return JSON.parse(answer.body) as OpenAI.Chat.ChatCompletion;
}

function stream(body: ChatParams, more: Partial<SandboxCall> = {}): Chunk[] {
  const answer = answerSandbox(callOf({ ...body, stream: true }, more), tokenizer);
  if (answer.kind !== 'stream') throw new Error('No stream came.');
  expect(answer.breaksOff).toBe(false);
  expect(answer.chunks.at(-1)).toBe('data: [DONE]\n\n');
  return answer.chunks.slice(0, -1).map((event) => {
    expect(event).toMatch(/^data: [^\r\n]+\n\n$/);
    return JSON.parse(event.slice('data: '.length)) as Chunk;
  });
}

function refusal(body: unknown, more: Partial<SandboxCall> = {}): AppError {
  try {
    answerSandbox(callOf(body as object, more), tokenizer);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('The request was accepted.');
}

/** The SDK calls it deprecated; OpenAI still sends it. */
const FINGERPRINT = { system_fingerprint: 'fp_latchkey_sandbox' };

const ask = (content: string, more: Partial<ChatParams> = {}): ChatParams => ({
  messages: [{ role: 'user', content }],
  ...more,
});
const contentOf = (completion: OpenAI.Chat.ChatCompletion): string | null | undefined =>
  completion.choices[0]?.message.content;
const weather: OpenAI.Chat.ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
      required: ['city', 'days'],
    },
  },
};
const WEATHER_ARGUMENTS = '{"city":"text","days":1}';

describe('chat completion', () => {
  it('has exactly the shape of OpenAI', () => {
    const expected: OpenAI.Chat.ChatCompletion = {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1_760_000_000,
      model: 'sandbox/echo',
      service_tier: 'default',
      ...FINGERPRINT,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', refusal: null, annotations: [], content: 'hello world' },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        // 3 + `user` + two words, then 3 that open the answer.
        prompt_tokens: 9,
        completion_tokens: 2,
        total_tokens: 11,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    };
    expect(complete(ask('hello world'))).toStrictEqual(expected);
  });

  it('echoes the text parts of the last user message', () => {
    const completion = complete({
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'first' },
        { role: 'assistant', content: null, tool_calls: [] },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one' },
            { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
            { type: 'text', text: 'two' },
          ],
        },
        { role: 'tool', content: 'result', tool_call_id: 'call_1' },
      ],
    });
    expect(contentOf(completion)).toBe('one\ntwo');
  });

  it('answers under the name that was asked for, whatever it is', () => {
    const completion = complete(ask('hi'), { model: 'gpt-4o' });
    expect(completion.model).toBe('gpt-4o');
    expect(contentOf(completion)).toBe('hi');
  });

  it('never takes special tokens for more than text', () => {
    expect(contentOf(complete(ask('<|im_start|>a<|endoftext|>')))).toBe(
      '<|im_start|>a<|endoftext|>',
    );
  });

  it.each(['max_tokens', 'max_completion_tokens'])('cuts at %s by real tokens', (field) => {
    const completion = complete(ask('one two three four five', { [field]: 3 }));
    expect(contentOf(completion)).toBe('one two three');
    expect(completion.choices[0]?.finish_reason).toBe('length');
    expect(completion.usage?.completion_tokens).toBe(3);
    expect(complete(ask('one two three', { [field]: 3 })).choices[0]?.finish_reason).toBe('stop');
  });

  it('lets max_completion_tokens go before max_tokens', () => {
    const completion = complete(ask('one two three', { max_tokens: 1, max_completion_tokens: 2 }));
    expect(completion.usage?.completion_tokens).toBe(2);
  });

  it('drops half a character at the cut but counts its token', () => {
    expect(tokenizer.count('🦩')).toBeGreaterThan(1);
    const completion = complete(ask('🦩', { max_tokens: 1 }));
    expect(contentOf(completion)).toBe('');
    expect(completion.usage?.completion_tokens).toBe(1);
  });

  it.each<[string | string[], string]>([
    ['two', 'one '],
    [['three', 'two '], 'one '],
    [['nowhere'], 'one two three'],
    [[], 'one two three'],
  ])('ends before the first of the stop sequences %j', (stop, text) => {
    expect(contentOf(complete(ask('one two three', { stop })))).toBe(text);
  });

  it('gives n choices and counts each of them', () => {
    const completion = complete(ask('hello world', { n: 3 }));
    expect(completion.choices.map((choice) => choice.index)).toEqual([0, 1, 2]);
    expect(completion.usage?.completion_tokens).toBe(6);
  });

  it('answers the text of the controls, which the limits still cut', () => {
    const controls = { text: 'one two three' };
    const required = ask('hi', { tools: [weather], tool_choice: 'required' });
    expect(contentOf(complete(required, { controls }))).toBe('one two three');
    expect(contentOf(complete(ask('hi', { max_tokens: 2 }), { controls }))).toBe('one two');
    expect(contentOf(complete(ask('hi'), { controls: { text: '' } }))).toBe('');
  });

  it('answers lorem ipsum of exactly the tokens that were asked for', () => {
    const lorem = { model: 'sandbox/lorem' };
    const normal = complete(ask('hi'), lorem);
    expect(contentOf(normal)).toMatch(/^Lorem ipsum dolor sit amet, /);
    expect(normal.usage?.completion_tokens).toBe(64);
    expect(normal.choices[0]?.finish_reason).toBe('stop');
    for (const maxTokens of [1, 64, 1_000]) {
      const cut = complete(ask('hi', { max_tokens: maxTokens }), lorem);
      expect(cut.usage?.completion_tokens).toBe(maxTokens);
      expect(tokenizer.count(contentOf(cut) ?? '')).toBe(maxTokens);
      expect(cut.choices[0]?.finish_reason).toBe('length');
    }
    const endless = complete(ask('hi', { max_tokens: Number.MAX_SAFE_INTEGER }), lorem);
    expect(endless.usage?.completion_tokens).toBe(16_384);
    expect(endless.choices[0]?.finish_reason).toBe('stop');
  });

  it('counts names, earlier tool calls, tools and the schema as prompt', () => {
    const plain = complete(ask('hi')).usage?.prompt_tokens ?? 0;
    const tools = [weather];
    const withTools = complete(ask('hi', { tools })).usage?.prompt_tokens;
    expect(withTools).toBe(plain + tokenizer.count(JSON.stringify(tools)));
    const named = complete({ messages: [{ role: 'user', content: 'hi', name: 'ann' }] });
    expect(named.usage?.prompt_tokens).toBe(plain + 1 + tokenizer.count('ann'));
  });
});

describe('chat completion as JSON', () => {
  it('quotes the text in a JSON object', () => {
    const completion = complete(ask('say "hi"\n', { response_format: { type: 'json_object' } }));
    expect(JSON.parse(contentOf(completion) ?? '')).toEqual({ text: 'say "hi"\n' });
  });

  it.each(['\u0000', '🦩'])('bounds the object, also when %j is all there is', (unit) => {
    const completion = complete(
      ask(unit.repeat(60_000), { response_format: { type: 'json_object' } }),
    );
    const { text } = JSON.parse(contentOf(completion) ?? '') as { text: string };
    expect(text).toBe(unit.repeat(4_096 / unit.length));
  });

  it('cuts no character in two where it bounds the object', () => {
    const format = { response_format: { type: 'json_object' as const } };
    const { text } = JSON.parse(
      contentOf(complete(ask(`a${'🦩'.repeat(3_000)}`, format))) ?? '',
    ) as {
      text: string;
    };
    expect(text).toBe(`a${'🦩'.repeat(2_047)}`);
  });

  it('answers an instance of the schema', () => {
    const schema = weather.function.parameters as Record<string, unknown>;
    const completion = complete(
      ask('hi', {
        response_format: { type: 'json_schema', json_schema: { name: 'w', strict: true, schema } },
      }),
    );
    expect(contentOf(completion)).toBe(WEATHER_ARGUMENTS);
    expect(completion.choices[0]?.finish_reason).toBe('stop');
  });
});

describe('chat completion with tools', () => {
  it.each<NonNullable<ChatParams['tool_choice']>>([
    'required',
    { type: 'function', function: { name: 'get_weather' } },
  ])('calls the tool for the choice %j', (choice) => {
    const other: OpenAI.Chat.ChatCompletionTool = { type: 'function', function: { name: 'other' } };
    const tools = choice === 'required' ? [weather, other] : [other, weather];
    const completion = complete(ask('hi', { tools, tool_choice: choice, n: 2 }));
    const calls = completion.choices.map(({ message, finish_reason: reason }) => {
      expect(message.content).toBeNull();
      expect(reason).toBe('tool_calls');
      return message.tool_calls?.[0];
    });
    const called = { name: 'get_weather', arguments: WEATHER_ARGUMENTS };
    expect(calls.map((call) => (call?.type === 'function' ? call.function : null))).toEqual([
      called,
      called,
    ]);
    expect(calls[0]?.id).toMatch(/^call_[0-9a-f]{24}$/);
    expect(calls[1]?.id).not.toBe(calls[0]?.id);
    const tokens = tokenizer.count('get_weather') + tokenizer.count(WEATHER_ARGUMENTS);
    expect(completion.usage?.completion_tokens).toBe(2 * tokens);
  });

  it('calls a tool without parameters with an empty object', () => {
    const tools: OpenAI.Chat.ChatCompletionTool[] = [
      { type: 'function', function: { name: 'ping' } },
    ];
    const [choice] = complete(ask('hi', { tools, tool_choice: 'required' })).choices;
    expect(choice?.message.tool_calls).toMatchObject([
      { function: { name: 'ping', arguments: '{}' } },
    ]);
  });

  it.each(['auto', 'none'] as const)('answers with text when the choice is %s', (choice) => {
    const completion = complete(ask('hi', { tools: [weather], tool_choice: choice }));
    expect(contentOf(completion)).toBe('hi');
    expect(completion.choices[0]?.message).not.toHaveProperty('tool_calls');
  });

  it('never generates more than max_tokens, the name included', () => {
    const whole = tokenizer.count('get_weather') + tokenizer.count(WEATHER_ARGUMENTS);
    for (let max = 1; max <= whole; max += 1) {
      const body = ask('hi', { tools: [weather], tool_choice: 'required', max_tokens: max });
      const completion = complete(body);
      expect(completion.usage?.completion_tokens).toBe(max);
      expect(completion.choices[0]?.finish_reason).toBe(max < whole ? 'length' : 'tool_calls');
    }
  });

  it('streams the call as deltas', () => {
    const chunks = stream(ask('hi', { tools: [weather], tool_choice: 'required' }));
    const deltas = chunks.map((chunk) => chunk.choices[0]?.delta);
    expect(deltas[0]).toEqual({
      role: 'assistant',
      content: null,
      refusal: null,
      tool_calls: [
        {
          index: 0,
          id: expect.stringMatching(/^call_/) as string,
          type: 'function',
          function: { name: 'get_weather', arguments: '' },
        },
      ],
    });
    const text = deltas.map((delta) => delta?.tool_calls?.[0]?.function?.arguments ?? '').join('');
    expect(text).toBe(WEATHER_ARGUMENTS);
    expect(deltas.length).toBeGreaterThan(4);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });
});

describe('chat stream', () => {
  it('has exactly the shape of OpenAI', () => {
    const head = {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1_760_000_000,
      model: 'sandbox/echo',
      service_tier: 'default',
      ...FINGERPRINT,
    } as const;
    const step = (delta: Chunk['choices'][number]['delta'], reason: 'stop' | null): Chunk => ({
      ...head,
      usage: null,
      choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
    });
    const expected: Chunk[] = [
      step({ role: 'assistant', content: '', refusal: null }, null),
      step({ content: 'hello' }, null),
      step({ content: ' world' }, null),
      step({}, 'stop'),
      {
        ...head,
        choices: [],
        usage: {
          prompt_tokens: 9,
          completion_tokens: 2,
          total_tokens: 11,
          prompt_tokens_details: { cached_tokens: 0 },
          completion_tokens_details: { reasoning_tokens: 0 },
        },
      },
    ];
    expect(stream(ask('hello world'), { includeUsage: true })).toStrictEqual(expected);
  });

  it('has no usage at all when none is wanted', () => {
    const chunks = stream(ask('hello world'));
    expect(chunks).toHaveLength(4);
    for (const chunk of chunks) expect(chunk).not.toHaveProperty('usage');
  });

  it('says and counts what the answer without stream says and counts', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 80 }),
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.lorem({ maxCount: 30 }),
    );
    const request = fc.record({
      text,
      maxTokens: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
      stop: fc.array(fc.string({ minLength: 1, maxLength: 2 }), { maxLength: 2 }),
      n: fc.integer({ min: 1, max: 3 }),
      isLorem: fc.boolean(),
    });
    fc.assert(
      fc.property(request, ({ text: content, maxTokens, stop, n, isLorem }) => {
        const body = ask(content, { n, stop, ...(maxTokens ? { max_tokens: maxTokens } : {}) });
        const more = { model: isLorem ? 'sandbox/lorem' : 'any', includeUsage: true };
        const whole = complete(body, more);
        const chunks = stream(body, more);
        for (const choice of whole.choices) {
          const own = chunks.flatMap((chunk) =>
            chunk.choices.filter((c) => c.index === choice.index),
          );
          expect(own.map((c) => c.delta.content ?? '').join('')).toBe(choice.message.content);
          expect(own.at(-1)?.finish_reason).toBe(choice.finish_reason);
        }
        expect(chunks.at(-1)?.usage).toEqual(whole.usage);
        const most = maxTokens ?? Infinity;
        expect(whole.usage?.completion_tokens).toBeLessThanOrEqual(most * n);
      }),
      { numRuns: 200 },
    );
  });

  it('gives one token a chunk, and never half a character', () => {
    const text = 'naïve 🦩 日本語 text';
    const deltas = stream(ask(text)).map((chunk) => chunk.choices[0]?.delta.content ?? '');
    expect(deltas.join('')).toBe(text);
    expect(deltas.join('')).not.toContain('\ufffd');
    for (const delta of deltas) expect(Buffer.from(delta).toString()).toBe(delta);
  });

  it('lets the choices take turns', () => {
    const chunks = stream(ask('hello world', { n: 2 }));
    expect(chunks.map((chunk) => chunk.choices[0]?.index)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it('stays bounded for the longest answers', () => {
    const text = '\u0000'.repeat(256 * 1024 - 4);
    const chunks = stream(ask(text, { n: 8 }));
    expect(chunks.length).toBeLessThanOrEqual(8_192 + 2 * 8);
    const first = chunks.filter((chunk) => chunk.choices[0]?.index === 0);
    const answer = first.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    expect(text.startsWith(answer)).toBe(true);
    expect(tokenizer.count(answer)).toBe(16_384);
    expect(first.at(-1)?.choices[0]?.finish_reason).toBe('length');
  });
});

describe('chat request', () => {
  const user = { role: 'user', content: 'hi' };

  it('names the schema that has no instance', () => {
    const endless = { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] };
    const tool = { type: 'function', function: { name: 'f', parameters: endless } };
    const error = refusal({ messages: [user], tools: [tool], tool_choice: 'required' });
    expect(error.param).toBe('tools[0].function.parameters');
  });

  it('takes null for what is left out, as clients send it', () => {
    const nulls = {
      n: null,
      max_tokens: null,
      stop: null,
      tools: null,
      tool_choice: null,
      stream: null,
    };
    const answer = answerSandbox(
      callOf({ ...nulls, response_format: null, messages: [user] }),
      tokenizer,
    );
    expect(answer.kind).toBe('json');
  });

  it('may have 256 KiB of text and not a byte more, wherever it stands', () => {
    const half = 'word '.repeat(26_214); // 131,070 bytes
    const messages = [
      { role: 'system', content: half },
      { role: 'user', content: `${half}1234` },
    ] as const;
    expect(complete({ messages: [...messages] }).object).toBe('chat.completion');
    const error = refusal({ messages: [...messages, { role: 'user', content: 'x' }] });
    expect(error.code).toBe('context_length_exceeded');
    expect(error.message).toContain('256 KiB');
    const described = {
      type: 'function',
      function: { name: 'f', description: 'ü'.repeat(131_072) },
    };
    expect(refusal({ messages: [user], tools: [described] }).code).toBe('context_length_exceeded');
  });
});
