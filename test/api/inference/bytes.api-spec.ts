import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import {
  answerJson,
  answerStream,
  chunk,
  completion,
  DONE,
  type Received,
} from '../../support/fake-upstream.js';
import {
  CHAT,
  CREDENTIAL,
  exchangeRaw,
  MESSAGES,
  MODEL,
  PRICE,
  REQUEST_ID,
  type Stage,
  startStage,
  UPSTREAM_MODEL,
} from './inference.harness.js';

/** A route whose model has the same name there, so that nothing of a body must change. */
const PLAIN = 'plain-model';
const STREAM = [chunk({ content: 'Hi' }), chunk({}, 'stop'), DONE];

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
  const providers = await stage.app.call('GET', '/v1/providers');
  const { data } = providers.body as { data: { id: string }[] };
  const made = await stage.app.call('POST', '/v1/routes', {
    body: { model: PLAIN, provider_id: data[0]!.id, max_output_tokens: 16_384, price: PRICE },
  });
  expect(made.status).toBe(201);
});
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

/** What the provider gets of this body. */
async function forwarded(body: string, headers: Record<string, string> = {}): Promise<Received> {
  stage.upstream.behave(
    body.includes('"stream":true') ? answerStream(STREAM) : answerJson(200, completion()),
  );
  const before = stage.upstream.received.length;
  const { key } = stage;
  const answer = await stage.app.call('POST', CHAT, { key, body, headers });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  expect(stage.upstream.received.length).toBe(before + 1);
  return stage.upstream.received.at(-1)!;
}

describe('the body that the provider gets', () => {
  it.each([
    ['spaces and order', `{ "messages" : [ ] ,\n\t"model":"${PLAIN}" , "z":1,"a":2 }\r\n `],
    [
      'numbers that a double can’t hold',
      `{"model":"${PLAIN}","seed":12345678901234567890,"t":1.0e+2}`,
    ],
    ['escapes', `{"model":"${PLAIN}","messages":[{"content":"\\u00e9\\ud83d\\ude00\\/\\u2028"}]}`],
    ['a name in escapes', '{"\\u006dodel":"pl\\u0061in-model"}'],
    ['keys that stand twice further in', `{"model":"${PLAIN}","x":{"a":1,"a":2}}`],
    ['fields that nobody knows', `{"model":"${PLAIN}","__proto__":{"x":1},"constructor":null}`],
    ['an emoji, a lone surrogate', `{"model":"${PLAIN}","x":"\u{1F511}\\ud800"}`],
    ['stream: false and options', `{"model":"${PLAIN}","stream":false,"stream_options":null}`],
    [
      'usage asked for',
      `{"model":"${PLAIN}","stream":true,"stream_options":{"include_usage":true}}`,
    ],
  ])('is the client’s, byte for byte: %s', async (_, body) => {
    expect((await forwarded(body)).body).toBe(body);
  });

  it('has the provider’s name of the model, and no other byte changed', async () => {
    const body = (model: string): string =>
      `{ "x":"model", "model" : "${model}" ,"messages":[{"model":"${MODEL}"}], "top_p":1.50 }`;
    expect((await forwarded(body(MODEL))).body).toBe(body(UPSTREAM_MODEL));
    const escaped = `{"\\u006dodel":"\\u0063loud/model","n":1}`;
    expect((await forwarded(escaped)).body).toBe(`{"\\u006dodel":"${UPSTREAM_MODEL}","n":1}`);
  });

  it.each([
    [
      'no options',
      `{"model":"${PLAIN}","stream":true}`,
      `{"stream_options":{"include_usage":true},"model":"${PLAIN}","stream":true}`,
    ],
    [
      'spaces before the object',
      ` \n{ "model":"${PLAIN}","stream":true}`,
      ` \n{"stream_options":{"include_usage":true}, "model":"${PLAIN}","stream":true}`,
    ],
    [
      'include_usage: false',
      `{"model":"${PLAIN}","stream_options":{"include_usage":false},"stream":true}`,
      `{"model":"${PLAIN}","stream_options":{"include_usage":true},"stream":true}`,
    ],
    [
      'include_usage: null and another option',
      `{"model":"${PLAIN}","stream":true,"stream_options":{"include_usage":null,"x":[1]}}`,
      `{"model":"${PLAIN}","stream":true,"stream_options":{"include_usage":true,"x":[1]}}`,
    ],
    [
      'null',
      `{"model":"${PLAIN}","stream_options": null ,"stream":true}`,
      `{"model":"${PLAIN}","stream_options": {"include_usage":true} ,"stream":true}`,
    ],
    [
      'an empty object, and another name of the model',
      `{"stream_options":{},"stream":true,"model":"${MODEL}"}`,
      `{"stream_options":{"include_usage":true},"stream":true,"model":"${UPSTREAM_MODEL}"}`,
    ],
  ])('asks for usage where the client did not: %s', async (_, body, expected) => {
    expect((await forwarded(body)).body).toBe(expected);
  });

  it('comes whole when it comes in pieces', async () => {
    stage.upstream.behave(answerJson(200, completion()));
    const body = JSON.stringify({
      model: PLAIN,
      messages: [{ role: 'user', content: 'é'.repeat(5_000) }],
    });
    const bytes = Buffer.from(body);
    const lines = [
      `POST ${CHAT} HTTP/1.1`,
      'host: gateway',
      `authorization: Bearer ${stage.key}`,
      'content-type: application/json',
      'transfer-encoding: chunked',
      '',
      '',
    ];
    const pieces: (string | Buffer)[] = [lines.join('\r\n')];
    for (let at = 0; at < bytes.length; at += 777) {
      const piece = bytes.subarray(at, at + 777);
      pieces.push(`${piece.length.toString(16)}\r\n`, piece, '\r\n');
    }
    const isWhole = (text: string): boolean => text.includes('Hello from upstream');
    const { text } = await exchangeRaw(stage.app, [...pieces, '0\r\n\r\n'], isWhole);
    expect(text).toContain('HTTP/1.1 200');
    expect(stage.upstream.received.at(-1)!.body).toBe(body);
  });
});

describe('the headers that the provider gets', () => {
  it('are a closed list: nothing of the client’s', async () => {
    const received = await forwarded(JSON.stringify({ model: PLAIN, messages: MESSAGES }), {
      cookie: 'session=abc',
      'x-api-key': stage.key,
      'x-forwarded-for': '198.51.100.7',
      'x-real-ip': '198.51.100.7',
      forwarded: 'for=198.51.100.7',
      via: '1.1 proxy',
      'x-request-id': 'mine',
      'x-latchkey-sandbox-text': 'hi',
      'openai-organization': 'org-mine',
      'openai-beta': 'assistants=v2',
      'http-referer': 'https://example.com',
      'x-title': 'app',
      'user-agent': 'client/1.0',
      'accept-language': 'de',
      'accept-encoding': 'gzip',
      'idempotency-key': 'k',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'proxy-authorization': 'Basic x',
      'x-stainless-lang': 'js',
      te: 'trailers',
      pragma: 'no-cache',
    });
    const { host, connection, ...headers } = received.headers;
    expect(host).toBe(new URL(stage.upstream.baseUrl).host);
    expect(connection).toBe('keep-alive');
    expect(headers).toEqual({
      authorization: `Bearer ${CREDENTIAL}`,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(received.body)),
      accept: 'application/json, text/event-stream',
      'user-agent': 'latchkey',
    });
    expect(received.path).toBe('/v1/chat/completions');
  });

  it('have no authorization for a provider without a credential', async () => {
    const provider = await stage.app.call('POST', '/v1/providers', {
      body: { name: 'open', kind: 'openai-compatible', base_url: stage.upstream.baseUrl },
    });
    const { id } = provider.body as { id: string };
    await stage.app.call('POST', '/v1/routes', {
      body: { model: 'open-model', provider_id: id, price: PRICE },
    });
    const received = await forwarded('{"model":"open-model"}');
    expect(received.headers).not.toHaveProperty('authorization');
  });
});

describe('the answer that the client gets', () => {
  it('is the provider’s, byte for byte', async () => {
    const odd =
      '{ "choices" : [],"n":1.50,"big":12345678901234567890,\r\n "x":"\\u00e9",\t"usage":null } \n';
    stage.upstream.behave(
      answerJson(200, odd, { 'content-type': 'application/json; charset=utf-8' }),
    );
    const response = await fetch(stage.app.origin + CHAT, {
      method: 'POST',
      headers: { authorization: `Bearer ${stage.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: PLAIN }),
    });
    expect(await response.text()).toBe(odd);
    expect(response.headers.get('content-length')).toBe(String(odd.length));
  });

  const UPSTREAM_HEADERS = {
    'set-cookie': 'a=1',
    location: 'https://elsewhere.example',
    server: 'cloudflare',
    'x-powered-by': 'php',
    'x-request-id': 'upstream-id',
    'x-ratelimit-remaining-requests': '3',
    'access-control-allow-origin': '*',
    'strict-transport-security': 'max-age=1',
    'www-authenticate': 'Bearer',
    'alt-svc': 'h3=":443"',
    'cf-ray': '1',
    'openai-organization': 'operators-org',
    'openai-processing-ms': '17',
    'openai-version': '2020-10-01',
    'openai-model': 'gpt',
    date: 'Thu, 01 Jan 1970 00:00:00 GMT',
    trailer: 'x-late',
  };

  it.each([false, true])('has headers of an allow-list only (stream: %s)', async (stream) => {
    stage.upstream.behave((response) => {
      const type = stream ? 'text/event-stream' : 'application/json';
      response.writeHead(200, { ...UPSTREAM_HEADERS, 'content-type': type });
      response.end(stream ? STREAM.join('') : JSON.stringify(completion()));
    });
    const answer = await stage.chat({ stream });
    const { date, connection, ...rest } = Object.fromEntries(answer.headers);
    const framing = ['keep-alive', 'content-length', 'transfer-encoding'];
    const headers = Object.fromEntries(
      Object.entries(rest).filter(([name]) => !framing.includes(name)),
    );
    expect(date).not.toContain('1970');
    expect(connection).toBe('keep-alive');
    expect(headers).toEqual({
      'content-type': stream ? 'text/event-stream; charset=utf-8' : 'application/json',
      'x-request-id': expect.stringMatching(REQUEST_ID) as string,
      'x-latchkey-provider': 'provider-1',
      'openai-processing-ms': '17',
      'openai-version': '2020-10-01',
      'openai-model': 'gpt',
      ...(stream && { 'cache-control': 'no-cache', 'x-accel-buffering': 'no' }),
    });
  });

  it('is whole at 5 MB', async () => {
    const body = JSON.stringify(completion('x'.repeat(5_000_000)));
    stage.upstream.behave(answerJson(200, body));
    expect(JSON.stringify((await stage.chat()).body)).toBe(body);
  });
});
