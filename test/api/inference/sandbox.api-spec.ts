import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Answer } from '../../support/app.js';
import {
  CHAT,
  MODEL,
  refusal,
  type Stage,
  startStage,
  usageEvents,
  usageOf,
} from './inference.harness.js';

let stage: Stage;
let testKey: string;
beforeAll(async () => {
  stage = await startStage();
  testKey = await stage.app.keyWith({ environment: 'development' });
});
afterEach(async () => {
  expect(stage.upstream.received).toEqual([]);
  await stage.expectAlive();
});
afterAll(() => stage.close());

function sandbox(
  headers: Record<string, string> = {},
  fields: Record<string, unknown> = {},
): Promise<Answer> {
  return stage.chat({ model: 'sandbox/echo', ...fields }, { key: testKey, headers });
}

function textOf(answer: Answer): string {
  const { choices } = answer.body as { choices: { message: { content: string } }[] };
  return choices[0]!.message.content;
}

describe('a test key never reaches a provider', () => {
  it.each(['development', 'staging'])('of %s, whatever the model', async (environment) => {
    const key = await stage.app.keyWith({ environment });
    for (const model of [MODEL, 'gpt-4o', 'no-such-model', 'sandbox/echo']) {
      for (const stream of [false, true]) {
        const answer = await stage.chat({ model, stream }, { key });
        expect(answer.status).toBe(200);
        expect(answer.headers.get('x-latchkey-provider')).toBe('sandbox');
        if (!stream) expect(answer.body).toMatchObject({ model });
      }
    }
    const records = await usageEvents(stage.app, key, 8);
    for (const record of records) {
      expect(record).toMatchObject({ provider: 'sandbox', cost_nanos: '0', price_version: null });
    }
    expect(await usageOf(stage.app, key)).toMatchObject({ requests: 8, cost: 0 });
  });

  it('and still keeps to the models that it may use', async () => {
    const key = await stage.app.keyWith({
      environment: 'development',
      permissions: { models: ['sandbox/*'] },
    });
    refusal(await stage.chat({}, { key }), 403, 'model_not_allowed');
  });

  it('a live key gets the sandbox’s own models, free', async () => {
    const key = await stage.app.keyWith();
    for (const model of ['sandbox/echo', 'sandbox/lorem']) {
      expect((await stage.chat({ model }, { key })).status).toBe(200);
    }
    expect(await usageOf(stage.app, key)).toMatchObject({ requests: 2, cost: 0 });
  });
});

describe('the sandbox does what its headers say', () => {
  it('text', async () => {
    expect(textOf(await sandbox({ 'x-latchkey-sandbox-text': 'Gr%C3%BC%C3%9Fe' }))).toBe('Grüße');
  });

  it('delay', async () => {
    const startedAt = performance.now();
    expect((await sandbox({ 'x-latchkey-sandbox-delay-ms': '200' })).status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(195);
  });

  it('delay between chunks', async () => {
    const startedAt = performance.now();
    const headers = { 'x-latchkey-sandbox-chunk-delay-ms': '20' };
    const answer = await sandbox(headers, { stream: true });
    const chunks = String(answer.body).split('data: ').length - 1;
    expect(chunks).toBeGreaterThanOrEqual(4);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(chunks * 19);
  });

  it.each([
    [400, 400, 'invalid_request'],
    [401, 502, 'upstream_error'],
    [404, 404, 'model_not_found'],
    [429, 429, 'rate_limit_exceeded'],
    [500, 502, 'upstream_error'],
    [503, 503, 'model_overloaded'],
    [504, 504, 'upstream_timeout'],
    [529, 503, 'model_overloaded'],
  ])('fail with %d: as any provider that does, %d %s', async (status, expected, code) => {
    for (const stream of [false, true]) {
      const answer = await sandbox({ 'x-latchkey-sandbox-fail': String(status) }, { stream });
      refusal(answer, expected, code);
    }
  });

  it('fail after chunks: an error event after them', async () => {
    const headers = { 'x-latchkey-sandbox-fail-after-chunks': '2' };
    const answer = await sandbox(headers, { stream: true });
    expect(answer.status).toBe(200);
    const events = String(answer.body).split('\n\n').filter(Boolean);
    expect(events.length).toBe(3);
    expect(JSON.parse(events[2]!.slice('data: '.length))).toMatchObject({
      error: { code: 'upstream_error', request_id: answer.headers.get('x-request-id') },
    });
    expect(answer.body).not.toContain('[DONE]');
  });

  it('fail after no chunk: an ordinary error', async () => {
    const headers = { 'x-latchkey-sandbox-fail-after-chunks': '0' };
    refusal(await sandbox(headers, { stream: true }), 502, 'upstream_error');
  });

  it.each([
    ['x-latchkey-sandbox-delay-ms', 'soon'],
    ['x-latchkey-sandbox-delay-ms', '-1'],
    ['x-latchkey-sandbox-delay-ms', '600001'],
    ['x-latchkey-sandbox-chunk-delay-ms', '60001'],
    ['x-latchkey-sandbox-fail', '200'],
    ['x-latchkey-sandbox-fail', '600'],
    ['x-latchkey-sandbox-fail-after-chunks', '1e9'],
    ['x-latchkey-sandbox-text', '%zz'],
  ])('400: %s: %s', async (header, value) => {
    expect(refusal(await sandbox({ [header]: value }), 400, 'invalid_request').param).toBe(header);
  });

  it('its headers mean nothing to a provider’s call', async () => {
    const headers = { 'x-latchkey-sandbox-fail': '500' };
    const answer = await stage.chat({ model: 'nowhere' }, { headers });
    refusal(answer, 404, 'model_not_found');
  });
});

describe('the sandbox speaks every surface', () => {
  it('chat: the same call gets the same answer, with real counts', async () => {
    const [first, second] = [await sandbox(), await sandbox()];
    expect(textOf(first)).toBe('Hello!');
    expect(textOf(second)).toBe('Hello!');
    expect(first.body).toMatchObject({
      object: 'chat.completion',
      usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
    });
  });

  it('chat as a stream: usage only for who asks', async () => {
    const plain = String((await sandbox({}, { stream: true })).body);
    expect(plain).not.toContain('"choices":[]');
    expect(plain.endsWith('data: [DONE]\n\n')).toBe(true);
    const options = { stream: true, stream_options: { include_usage: true } };
    const asked = String((await sandbox({}, options)).body);
    expect(asked).toContain('"choices":[],"usage":{"prompt_tokens":9');
  });

  it('completions', async () => {
    const body = { model: 'sandbox/echo', prompt: ['Hello!', 'you'] };
    const answer = await stage.app.call('POST', '/v1/completions', { key: testKey, body });
    expect(answer.body).toMatchObject({
      object: 'text_completion',
      choices: [{ text: 'Hello!' }, { text: 'you' }],
      usage: { prompt_tokens: 3, completion_tokens: 3 },
    });
    const streamed = await stage.app.call('POST', '/v1/completions', {
      key: testKey,
      body: { ...body, stream: true },
    });
    expect(streamed.body).toContain('"object":"text_completion"');
    expect(streamed.body).toContain('[DONE]');
  });

  it('embeddings: of length 1, in both encodings', async () => {
    const body = { model: 'sandbox/echo', input: ['Hello!', 'you'], dimensions: 8 };
    const path = '/openai/embeddings';
    const floats = await stage.app.call('POST', path, { key: testKey, body });
    const { data, usage } = floats.body as {
      data: { embedding: number[] }[];
      usage: Record<string, number>;
    };
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    for (const { embedding } of data) {
      expect(embedding.reduce((sum, number) => sum + number * number, 0)).toBeCloseTo(1, 5);
    }
    const packed = await stage.app.call('POST', path, {
      key: testKey,
      body: { ...body, encoding_format: 'base64' },
    });
    const [first] = (packed.body as { data: { embedding: string }[] }).data;
    const bytes = Buffer.from(first!.embedding, 'base64');
    const unpacked = Array.from({ length: 8 }, (_, index) => bytes.readFloatLE(index * 4));
    expect(unpacked).toEqual(data[0]!.embedding);
  });

  it.each([
    [CHAT, { messages: [] }, 'messages'],
    [CHAT, { messages: [{ role: 'nobody', content: '' }] }, 'messages[0].role'],
    ['/v1/completions', {}, 'prompt'],
    ['/v1/embeddings', { input: [] }, 'input'],
    ['/v1/embeddings', { input: 'x', dimensions: 0 }, 'dimensions'],
  ])('400: %s %j names %s', async (path, fields, param) => {
    const body = { model: 'sandbox/echo', ...fields };
    const answer = await stage.app.call('POST', path, { key: testKey, body });
    expect(refusal(answer, 400, 'invalid_request').param).toBe(param);
  });

  it('400: more text than it reads', async () => {
    const messages = [{ role: 'user', content: 'x '.repeat(200_000) }];
    refusal(await sandbox({}, { messages }), 400, 'context_length_exceeded');
  });
});
