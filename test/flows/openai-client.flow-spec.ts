import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI, {
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import {
  answerJson,
  answerStream,
  type Behaviour,
  chunk,
  completion,
  DONE,
  type FakeUpstream,
  startFakeUpstream,
  USAGE,
  USAGE_CHUNK,
} from '../support/fake-upstream.js';

const REQUEST_ID = /^req_[0-9A-Za-z]{22}$/;
const ECHO = 'sandbox/echo';
const ROUTED = 'routed-model';
const messages = [{ role: 'user' as const, content: 'Grüße 🦩' }];

let app: TestApp;
let upstream: FakeUpstream;
let apiKey: string;
let client: OpenAI;
beforeAll(async () => {
  upstream = await startFakeUpstream();
  app = await startTestApp();
  const provider = await app.call('POST', '/v1/providers', {
    body: { name: 'up', kind: 'openai-compatible', base_url: upstream.baseUrl, api_key: 'up-key' },
  });
  const { id } = provider.body as { id: string };
  const price = { input_per_million: 1, output_per_million: 1 };
  const body = { model: ROUTED, provider_id: id, price };
  expect((await app.call('POST', '/v1/routes', { body })).status).toBe(201);
  apiKey = await app.keyWith();
  client = clientOf(apiKey);
});
afterAll(async () => {
  await app.close();
  await upstream.close();
});
beforeEach(() => {
  upstream.received.length = 0;
  upstream.aborted.length = 0;
  upstream.behave(answerJson(200, completion()));
});

/** OpenAI's own client, changed in nothing but its address and its key. */
function clientOf(key: string, options: { maxRetries?: number; prefix?: string } = {}): OpenAI {
  const { maxRetries = 0, prefix = '/v1' } = options;
  return new OpenAI({ apiKey: key, baseURL: app.origin + prefix, maxRetries });
}

async function caught(work: PromiseLike<unknown>): Promise<APIError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let round = 0; !isTrue(); round++) {
    if (round === 200) throw new Error('It did not come true within 2 s.');
    await sleep(10);
  }
}

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Behaves one after the other, the last for ever. */
function inTurn(...behaviours: Behaviour[]): Behaviour {
  let turn = 0;
  return (...call) => behaviours[Math.min(turn++, behaviours.length - 1)]?.(...call);
}

describe('chat completions', () => {
  it.each(['/v1', '/openai/v1', '/openai'])('answer with %s as the base URL', async (prefix) => {
    const here = clientOf(apiKey, { prefix });
    const answer = await here.chat.completions.create({ model: ECHO, messages });
    expect(answer.choices[0]?.message).toMatchObject({ role: 'assistant', content: 'Grüße 🦩' });
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage?.total_tokens).toBeGreaterThan(2);
    expect(answer._request_id).toMatch(REQUEST_ID);
  });

  it('come from the provider as it sent them', async () => {
    const { data, response, request_id } = await client.chat.completions
      .create({ model: ROUTED, messages })
      .withResponse();
    expect(data).toMatchObject(completion());
    expect(request_id).toBe(response.headers.get('x-request-id'));
    expect(response.headers.get('x-latchkey-provider')).toBe('up');
    expect(upstream.received[0]?.headers.authorization).toBe('Bearer up-key');
  });

  it('stream', async () => {
    const stream = await client.chat.completions.create({ model: ECHO, messages, stream: true });
    let text = '';
    let reason: string | null | undefined;
    for await (const { choices, usage } of stream) {
      expect(usage ?? null).toBeNull();
      text += choices[0]?.delta.content ?? '';
      reason = choices[0]?.finish_reason ?? reason;
    }
    expect([text, reason]).toEqual(['Grüße 🦩', 'stop']);
  });

  it('stream with a last chunk that has the usage, where it is asked for', async () => {
    const stream_options = { include_usage: true };
    const stream = await client.chat.completions.create({
      model: ECHO,
      messages,
      stream: true,
      stream_options,
    });
    const chunks = await listOf(stream);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it('are put together by the streaming helper, tools included', async () => {
    const tool = {
      type: 'function' as const,
      function: {
        name: 'weather',
        parameters: {
          type: 'object',
          properties: { city: { type: 'string', enum: ['Bonn'] } },
          required: ['city'],
        },
      },
    };
    const choice = { type: 'function' as const, function: { name: 'weather' } };
    const asked = { model: ECHO, messages, tools: [tool], tool_choice: choice };
    const streamed = client.chat.completions.stream(asked);
    const whole = await client.chat.completions.create(asked);
    for (const answer of [await streamed.finalChatCompletion(), whole]) {
      expect(answer.choices[0]?.finish_reason).toBe('tool_calls');
      expect(answer.choices[0]?.message.tool_calls?.[0]).toMatchObject({
        type: 'function',
        function: { name: 'weather', arguments: '{"city":"Bonn"}' },
      });
    }
    const told = await client.chat.completions.create({
      ...asked,
      tool_choice: 'auto',
      messages: [
        ...messages,
        whole.choices[0]!.message,
        {
          role: 'tool',
          tool_call_id: whole.choices[0]!.message.tool_calls![0]!.id,
          content: 'Sun',
        },
      ],
    });
    expect(told.choices[0]?.message.content).toBe('Grüße 🦩');
  });

  it('are put together by the streaming helper from what a provider streams', async () => {
    const pieces = [
      chunk({ role: 'assistant' }),
      chunk({ content: 'He' }),
      chunk({ content: 'y' }),
    ];
    upstream.behave(answerStream([...pieces, chunk({}, 'stop'), USAGE_CHUNK, DONE]));
    const stream = client.chat.completions.stream({
      model: ROUTED,
      messages,
      stream_options: { include_usage: true },
    });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe('Hey');
    expect(final.usage).toEqual(USAGE);
  });

  it('are parsed against a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: { answer: { type: 'integer', const: 42 } },
      required: ['answer'],
    };
    const parsed = await client.chat.completions.parse({
      model: ECHO,
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'it', schema } },
    });
    expect(JSON.parse(parsed.choices[0]?.message.content ?? '')).toEqual({ answer: 42 });
  });

  it('of a test key are the sandbox’s, whatever model is named', async () => {
    const test = clientOf(await app.keyWith({ environment: 'development' }));
    const answer = await test.chat.completions.create({ model: ROUTED, messages });
    expect(answer.choices[0]?.message.content).toBe('Grüße 🦩');
    expect(upstream.received).toEqual([]);
  });
});

describe('the other calls', () => {
  it('embeddings are numbers, though the client asks for base64 by itself', async () => {
    const input = ['one', 'two'];
    const packed = await client.embeddings.create({ model: ECHO, input, dimensions: 8 });
    const plain = await client.embeddings.create({
      model: ECHO,
      input,
      dimensions: 8,
      encoding_format: 'float',
    });
    expect(packed.data).toEqual(plain.data);
    expect(packed.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    expect(packed.data[0]?.embedding).not.toEqual(packed.data[1]?.embedding);
    expect(packed.usage.total_tokens).toBe(2);
  });

  it('legacy completions answer and stream', async () => {
    const whole = await client.completions.create({ model: ECHO, prompt: 'Hello!' });
    expect(whole.choices[0]).toMatchObject({ text: 'Hello!', finish_reason: 'stop' });
    const stream = await client.completions.create({ model: ECHO, prompt: 'Hello!', stream: true });
    const chunks = await listOf(stream);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe('Hello!');
  });

  it('models are listed and retrieved, also one with a slash in its name', async () => {
    const ids = (await listOf(client.models.list())).map(({ id }) => id);
    expect(ids).toEqual([ROUTED, 'sandbox/echo', 'sandbox/lorem']);
    for (const id of ids) {
      expect(await client.models.retrieve(id)).toMatchObject({ id, object: 'model' });
    }
  });
});

describe('errors have the client’s own classes', () => {
  const ask = (with_: OpenAI, model = ECHO) =>
    caught(with_.chat.completions.create({ model, messages }));

  it.each([
    ['an unknown key', 'sk-unknown', 'invalid_api_key'],
    ['a key of the right form', 'pr-live-00000000000000000000000000000000', 'invalid_api_key'],
  ])('AuthenticationError for %s', async (_, key, code) => {
    const error = await ask(clientOf(key));
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, code, type: 'authentication_error', param: null });
    expect(error.requestID).toMatch(REQUEST_ID);
    expect((error.error as { request_id: string }).request_id).toBe(error.requestID);
  });

  it('PermissionDeniedError for a scope and for a model', async () => {
    const scope = await ask(clientOf(await app.keyWith({ scopes: ['models:read'] })));
    expect(scope).toBeInstanceOf(PermissionDeniedError);
    expect(scope.code).toBe('insufficient_scope');
    const narrow = clientOf(await app.keyWith({ permissions: { models: ['other'] } }));
    const model = await ask(narrow);
    expect(model).toBeInstanceOf(PermissionDeniedError);
    expect(model).toMatchObject({ code: 'model_not_allowed', param: 'model' });
  });

  it('NotFoundError for a model and for a path', async () => {
    const model = await ask(client, 'nobody-has-it');
    expect(model).toBeInstanceOf(NotFoundError);
    expect(model).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(await caught(client.models.retrieve('nobody-has-it'))).toBeInstanceOf(NotFoundError);
    const path = await caught(client.files.list());
    expect(path).toBeInstanceOf(NotFoundError);
    expect(path.code).toBe('not_found');
  });

  it('BadRequestError, ours and the provider’s', async () => {
    const ours = await ask(client, '');
    expect(ours).toBeInstanceOf(BadRequestError);
    expect(ours).toMatchObject({ code: 'invalid_request', param: 'model' });
    const refusal = { message: 'Too long', param: 'messages', code: 'context_length_exceeded' };
    upstream.behave(answerJson(400, { error: refusal }));
    const theirs = await ask(client, ROUTED);
    expect(theirs).toBeInstanceOf(BadRequestError);
    expect(theirs).toMatchObject({ code: 'context_length_exceeded', param: 'messages' });
    expect(theirs.message).toBe('400 Too long');
  });

  it('RateLimitError for a provider’s 429', async () => {
    upstream.behave(answerJson(429, { error: { message: 'slow' } }, { 'retry-after': '7' }));
    const error = await ask(client, ROUTED);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.code).toBe('rate_limit_exceeded');
    expect(error.headers?.get('retry-after')).toBe('7');
  });

  it.each([
    [500, 502, 'upstream_error'],
    [401, 502, 'upstream_error'],
    [503, 503, 'model_overloaded'],
    [504, 504, 'upstream_timeout'],
  ])('InternalServerError for a provider’s %i', async (theirs, status, code) => {
    upstream.behave(answerJson(theirs, { error: { message: 'broken' } }));
    const error = await ask(client, ROUTED);
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error).toMatchObject({ status, code, type: 'server_error' });
    expect(error.requestID).toMatch(REQUEST_ID);
  });

  it('in the middle of a stream an APIError with the code', async () => {
    upstream.behave(answerStream([chunk({ content: 'Hal' })], true));
    const stream = await client.chat.completions.create({ model: ROUTED, messages, stream: true });
    let text = '';
    const reading = (async () => {
      for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
    })();
    const error = await caught(reading);
    expect(text).toBe('Hal');
    expect(error).toMatchObject({ code: 'upstream_error', type: 'server_error' });
  });
});

describe('the client’s own retries', () => {
  it.each([429, 500, 503])('get over two answers of %i', async (status) => {
    const refused = answerJson(status, { error: { message: 'later' } }, { 'retry-after': '0' });
    upstream.behave(inTurn(refused, refused, answerJson(200, completion('third'))));
    const patient = clientOf(apiKey, { maxRetries: 2 });
    const answer = await patient.chat.completions.create({ model: ROUTED, messages });
    expect(answer.choices[0]?.message.content).toBe('third');
    expect(upstream.received).toHaveLength(3);
  });

  it('give up after as many as it was told', async () => {
    upstream.behave(answerJson(503, { error: { message: 'later' } }, { 'retry-after': '0' }));
    const patient = clientOf(apiKey, { maxRetries: 2 });
    const error = await caught(patient.chat.completions.create({ model: ROUTED, messages }));
    expect(error.code).toBe('model_overloaded');
    expect(upstream.received).toHaveLength(3);
  });

  it('wait as long as the provider says', async () => {
    const refused = answerJson(429, { error: { message: 'later' } }, { 'retry-after': '1' });
    upstream.behave(inTurn(refused, answerJson(200, completion())));
    const patient = clientOf(apiKey, { maxRetries: 1 });
    const began = performance.now();
    await patient.chat.completions.create({ model: ROUTED, messages });
    expect(performance.now() - began).toBeGreaterThan(990);
  });

  it('are not tried where they are of no use', async () => {
    upstream.behave(answerJson(400, { error: { message: 'no' } }));
    const patient = clientOf(apiKey, { maxRetries: 2 });
    const error = await caught(patient.chat.completions.create({ model: ROUTED, messages }));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(upstream.received).toHaveLength(1);
  });
});

describe('a client that leaves', () => {
  const silence: Behaviour = () => undefined;

  it('before the answer aborts the provider’s call too', async () => {
    upstream.behave(silence);
    const abort = new AbortController();
    const { signal } = abort;
    const asking = caught(client.chat.completions.create({ model: ROUTED, messages }, { signal }));
    await until(() => upstream.received.length === 1);
    abort.abort();
    expect(await asking).toBeInstanceOf(APIUserAbortError);
    await until(() => upstream.aborted.length === 1);
  });

  it.each(['abort', 'break'] as const)('in mid-stream (%s) aborts it too', async (how) => {
    upstream.behave((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'He' }));
    });
    const stream = await client.chat.completions.create({ model: ROUTED, messages, stream: true });
    for await (const { choices } of stream) {
      expect(choices[0]?.delta.content).toBe('He');
      if (how === 'break') break;
      stream.controller.abort();
    }
    await until(() => upstream.aborted.length === 1);
  });

  it('after its own timeout aborts it too', async () => {
    upstream.behave(silence);
    const work = client.chat.completions.create({ model: ROUTED, messages }, { timeout: 100 });
    expect(await caught(work)).toBeInstanceOf(APIConnectionTimeoutError);
    await until(() => upstream.aborted.length === 1);
  });
});
