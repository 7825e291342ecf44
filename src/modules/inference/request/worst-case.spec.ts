import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { loadTokenizer, type Tokenizer } from '../providers/sandbox/tokenizer.js';
import { CHAT_COMPLETIONS, COMPLETIONS, EMBEDDINGS, type Surface } from '../surface.js';
import { type InferenceRequest, parseInferenceRequest } from './inference-request.js';
import {
  DEFAULT_CONTEXT_LENGTH,
  GPT_4O_MINI_IMAGE_TOKENS,
  IMAGE_TOKENS,
  TOOLS_TOKENS,
} from './unseen-input.js';
import { DEFAULT_MAX_OUTPUT, type WorstCase, worstCaseOf } from './worst-case.js';

const TARGET = { upstreamModel: 'm', contextLength: null, maxOutputTokens: null };

type Setting = {
  readonly surface?: Surface;
  readonly target?: Partial<Parameters<typeof worstCaseOf>[2]>;
  readonly keyLimit?: number | null;
};

function requestOf(members: string, surface = CHAT_COMPLETIONS): InferenceRequest {
  return parseInferenceRequest(Buffer.from(`{"model":"m"${members && `,${members}`}}`), surface);
}

function worst(members: string, setting: Setting = {}): WorstCase {
  const { surface = CHAT_COMPLETIONS, target, keyLimit = null } = setting;
  return worstCaseOf(requestOf(members, surface), surface, { ...TARGET, ...target }, keyLimit);
}

/** Input tokens beyond the bytes of the body. */
function unseen(members: string, setting: Setting = {}): number {
  return worst(members, setting).inputTokens - requestOf(members, setting.surface).body.length;
}

function content(...parts: string[]): string {
  return `"messages":[{"role":"user","content":[${parts.join(',')}]}]`;
}

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer();
});

describe('the output of a worst case', () => {
  it.each<[string, number | null, number | null, number, boolean]>([
    // asked, by the key, by the route: what is reserved, and whether the provider must be told
    ['', null, null, DEFAULT_MAX_OUTPUT, true],
    ['', null, 16_384, 16_384, false],
    ['', 500, null, 500, false],
    ['', 500, 16_384, 500, false],
    ['', 50_000, 16_384, 16_384, true],
    ['"max_tokens":700', null, null, 700, false],
    ['"max_tokens":700', null, 16_384, 700, false],
    ['"max_tokens":70000', null, 16_384, 16_384, true],
    ['"max_tokens":70000', null, null, 70_000, false],
    ['"max_tokens":700', 500, null, 500, true],
    ['"max_tokens":null', 500, null, 500, false],
    ['"max_completion_tokens":9', null, 16_384, 9, false],
    ['"max_tokens":5,"max_completion_tokens":9', null, null, 9, false],
  ])('of {%s}, by the key %s, by the route %s: %d', (members, keyLimit, cap, most, mustTell) => {
    const target = { maxOutputTokens: cap };
    for (const surface of [CHAT_COMPLETIONS, COMPLETIONS]) {
      expect(worst(members, { surface, target, keyLimit })).toMatchObject({
        choices: 1,
        maxOutputPerChoice: most,
        outputTokens: most,
        mustTellProvider: mustTell,
      });
    }
  });

  it.each<[string, Surface, number]>([
    ['"n":null', CHAT_COMPLETIONS, 1],
    ['"n":3', CHAT_COMPLETIONS, 3],
    ['"n":128', CHAT_COMPLETIONS, 128],
    ['"\\u006e":3', CHAT_COMPLETIONS, 3],
    ['"n":3,"best_of":2', CHAT_COMPLETIONS, 3],
    ['"n":2,"best_of":5', COMPLETIONS, 5],
    ['"best_of":5', COMPLETIONS, 5],
    ['"n":2,"prompt":"a"', COMPLETIONS, 2],
    ['"n":2,"prompt":["a","b","c"]', COMPLETIONS, 6],
    ['"prompt":[1,2,3]', COMPLETIONS, 1],
    ['"prompt":[[1,2],[3]]', COMPLETIONS, 2],
    ['"prompt":[]', COMPLETIONS, 1],
    ['"prompt":["a","b"]', CHAT_COMPLETIONS, 1],
  ])('counts the choices of {%s}', (members, surface, choices) => {
    expect(worst(`${members},"max_tokens":10`, { surface })).toMatchObject({
      choices,
      maxOutputPerChoice: 10,
      outputTokens: 10 * choices,
    });
  });

  it('is none for embeddings, whatever they ask for', () => {
    expect(worst('"input":"x","max_tokens":"?","n":0', { surface: EMBEDDINGS })).toMatchObject({
      choices: 1,
      maxOutputPerChoice: 0,
      outputTokens: 0,
      mustTellProvider: false,
    });
  });

  it('stays a safe integer', () => {
    const prompts = `"prompt":[${'"",'.repeat(100_000)}""],"n":128,"max_tokens":2147483647`;
    expect(worst(prompts, { surface: COMPLETIONS }).outputTokens).toBe(Number.MAX_SAFE_INTEGER);
  });

  it.each(['0', '-1', '1.5', '129', '"2"', 'true', '[2]', '{}', '1e400'])(
    'refuses %s as n or best_of',
    (value) => {
      for (const param of ['n', 'best_of']) {
        expect(() => worst(`"${param}":${value}`)).toThrow(
          expect.objectContaining({ code: 'invalid_request', param }) as AppError,
        );
      }
    },
  );

  it.each([
    ['N', 'n'],
    ['\\u004e', 'n'],
    ['Best_Of', 'best_of'],
    ['Max_Tokens', 'max_tokens'],
    ['Prompt', 'prompt'],
  ])('refuses %s, which some providers read', (key, param) => {
    expect(() => worst(`"${key}":5`, { surface: COMPLETIONS })).toThrow(
      expect.objectContaining({ code: 'invalid_request', param }) as AppError,
    );
  });
});

describe('the input of a worst case', () => {
  const image = '{"type":"image_url","image_url":{"url":"https://a/b.png"}}';

  it('is the bytes of the body where there is nothing but text', () => {
    expect(unseen('"messages":[{"role":"user","content":"hi","name":"a"}]')).toBe(0);
    expect(unseen(content('{"type":"text","text":"\\"image_url\\":"}'))).toBe(0);
    expect(unseen('"prompt":[[1,2,3]]', { surface: COMPLETIONS })).toBe(0);
    expect(unseen('"input":[[1,2,3]]', { surface: EMBEDDINGS })).toBe(0);
  });

  it.each([
    [content(image), 1],
    [content(image, image, '{"type":"text","text":"x"}'), 2],
    [content('{"image_url":"https://a"}'), 1],
    [content('{"type":"image","source":{}}'), 1],
    [content('{"typ\\u0065":"\\u0049mage"}'), 1],
    [`"messages":[{"content":[${image}]},{"content":[${image}]}]`, 2],
    [`"input":[{"content":[${image}]}]`, 1],
  ])('counts the images of {%s}', (members, images) => {
    expect(unseen(members)).toBe(images * IMAGE_TOKENS);
    const target = { upstreamModel: 'openai/GPT-4o-mini-2024-07-18' };
    expect(unseen(members, { target })).toBe(images * GPT_4O_MINI_IMAGE_TOKENS);
    expect(unseen(members, { target: { contextLength: 8_000 } })).toBe(8_000);
  });

  it.each([
    '{"type":"file","file":{"file_id":"f"}}',
    '{"type":"input_file"}',
    '{"type":"Document","source":{}}',
    '{"type":"video_url"}',
    '{"video_url":{"url":"https://a"}}',
    '{"type":"audio_url","audio_url":{"url":"https://a"}}',
    '{"role":"assistant","audio":{"id":"a"}}',
  ])('takes as much as the model reads for %s', (part) => {
    expect(unseen(content(part))).toBe(DEFAULT_CONTEXT_LENGTH);
    expect(unseen(content(image, part), { target: { contextLength: 64_000 } })).toBe(64_000);
  });

  it.each([
    '"web_search_options":{}',
    '"tools":[{"type":"web_search"}]',
    '"plugins":[{"id":"web"}]',
    '"preset":"p"',
  ])('takes as much as the model reads for what the provider looks up: {%s}', (members) => {
    const ofTools = members.startsWith('"tools"') ? TOOLS_TOKENS : 0;
    expect(unseen(members)).toBe(DEFAULT_CONTEXT_LENGTH + ofTools);
  });

  it.each(['tools', 'functions'])('adds what providers say of %s', (name) => {
    const tools = `"${name}":[{"type":"function","function":{"parameters":{"type":"object"}}}]`;
    expect(unseen(tools)).toBe(TOOLS_TOKENS);
    expect(unseen(`${tools},${content(image)}`)).toBe(TOOLS_TOKENS + IMAGE_TOKENS);
  });

  it('takes audio in the body by its bytes', () => {
    expect(
      unseen(content('{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}')),
    ).toBe(0);
  });

  it('leaves out the bytes of an image, and of nothing else', () => {
    const data = `data:image/png;base64,${'A'.repeat(100_000)}`;
    for (const url of [`{"url":"${data}","detail":"high"}`, `"${data}"`]) {
      const members = content(`{"type":"image_url","image_url":${url}}`);
      expect(unseen(members)).toBe(IMAGE_TOKENS - data.length);
    }
    for (const part of [
      `{"type":"text","text":"${data}"}`,
      `{"url":"${data}"}`,
      `{"image_url":"https://a"},{"type":"text","url":"${data}"}`,
      `{"image_url":"https://a"},{"type":"text","deeper":{"url":"${data}"}}`,
      `{"image_url":{"deeper":{"url":"${data}"}}}`,
      `{"image_url":{"url":"https://a/${data}"}}`,
    ]) {
      expect(unseen(content(part))).toBe(part.includes('image_url') ? IMAGE_TOKENS : 0);
    }
  });

  it('reads an image at the very end of a body', () => {
    const body = Buffer.from('{"model":"m","input":{"image_url":"x"}}');
    const request = parseInferenceRequest(body, EMBEDDINGS);
    expect(worstCaseOf(request, EMBEDDINGS, TARGET, null).inputTokens).toBe(
      body.length + IMAGE_TOKENS,
    );
  });

  it('refuses messages in other letters where they have parts', () => {
    expect(() => worst(content(image).replace('messages', 'Messages'))).toThrow(
      expect.objectContaining({ code: 'invalid_request', param: 'messages' }) as AppError,
    );
  });

  it('is never less than the tokens of its texts, of whatever letters', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.string({ unit: fc.constantFrom('\n', '"', '\\', '\u0000', '🦩', '\ud800', 'ﷺ', ' ') }),
    );
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 5 }), (texts) => {
        const messages = texts.map((each) => ({ role: 'user', content: each }));
        const counted = texts.reduce((sum, each) => sum + tokenizer.count(each) + 4, 3);
        const chat = JSON.stringify({ messages }).slice(1, -1);
        expect(worst(chat).inputTokens).toBeGreaterThanOrEqual(counted);
        const lists = JSON.stringify({ input: texts.map((each) => tokenizer.encode(each)) });
        expect(
          worst(lists.slice(1, -1), { surface: EMBEDDINGS }).inputTokens,
        ).toBeGreaterThanOrEqual(counted - 4 * texts.length - 3);
      }),
      { numRuns: 500 },
    );
  });
});
