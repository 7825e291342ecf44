import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { Answer } from '../../support/app.js';
import {
  CHAT,
  exchangeRaw,
  MESSAGES,
  MODEL,
  parseRaw,
  refusal,
  type Stage,
  startStage,
  usageOf,
} from './inference.harness.js';

/** 32 MiB. */
const BODY_LIMIT = 32 * 1024 * 1024;
const BODY = JSON.stringify({ model: MODEL, messages: MESSAGES });

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(async () => {
  expect(stage.upstream.received).toEqual([]);
  await stage.expectAlive();
});
afterAll(() => stage.close());

/** Sends the body as it is, with the headers as they are. */
function send(body: string | undefined, headers: Record<string, string> = {}): Promise<Answer> {
  return stage.app.call('POST', CHAT, {
    key: null,
    body,
    headers: { authorization: `Bearer ${stage.key}`, ...headers },
  });
}

function head(lines: readonly string[]): string {
  return [
    `POST ${CHAT} HTTP/1.1`,
    'host: gateway',
    `authorization: Bearer ${stage.key}`,
    ...lines,
    '',
    '',
  ].join('\r\n');
}

describe('400 invalid_json', () => {
  it.each([
    ['nothing', ''],
    ['spaces', '   '],
    ['half an object', '{"model":"x"'],
    ['a text that is no JSON', 'model=x'],
    ['a trailing comma', '{"model":"x",}'],
    ['single quotes', "{'model':'x'}"],
    ['a byte-order mark', `\ufeff${BODY}`],
    ['two objects', `${BODY}${BODY}`],
    ['NaN', '{"model":NaN}'],
    ['a wrong escape in a key', '{"mod\\x65l":"x"}'],
  ])('%s', async (_, body) => {
    const error = refusal(await send(body), 400, 'invalid_json');
    expect(error.type).toBe('invalid_request_error');
  });

  it.each([
    ['spelled alike', `{"model":"sandbox/echo","model":"${MODEL}"}`, 'model'],
    ['one of them escaped', `{"model":"sandbox/echo","mod\\u0065l":"${MODEL}"}`, 'model'],
    ['both escaped', `{"\\u006dodel":"sandbox/echo","mod\\u0065l":"${MODEL}"}`, 'model'],
    ['far apart', `{"model":"a","x":{"model":[{"model":1}]},"model":"${MODEL}"}`, 'model'],
    ['stream', '{"model":"sandbox/echo","stream":true,"stream":false}', 'stream'],
    ['any other', '{"model":"sandbox/echo","messages":[],"messages":[]}', 'messages'],
    ['__proto__', '{"model":"sandbox/echo","__proto__":{},"__proto__":{}}', '__proto__'],
  ])('a key that stands twice, %s', async (_, body, param) => {
    expect(refusal(await send(body), 400, 'invalid_json').param).toBe(param);
  });

  it('10,000 arrays in one another', async () => {
    const deep = `{"model":"${MODEL}","x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`;
    expect(refusal(await send(deep), 400, 'invalid_json').message).toContain('deeper');
  });

  it('32 MB of brackets hold up nobody', async () => {
    const opening = `{"model":"${MODEL}","x":`;
    const body = opening + '['.repeat(BODY_LIMIT - opening.length);
    const before = process.resourceUsage().maxRSS;
    const slow = send(body);
    // A timer that comes late tells how long the event loop was held up.
    let longestMs = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
    }, 5);
    refusal(await slow, 400, 'invalid_json');
    clearInterval(timer);
    expect(longestMs).toBeLessThan(2_000);
    expect((process.resourceUsage().maxRSS - before) / 1024).toBeLessThan(600);
  });
});

describe('400 invalid_request', () => {
  it.each([
    ['[]', null],
    ['null', null],
    ['"text"', null],
    ['17', null],
    ['{}', 'model'],
    ['{"model":null}', 'model'],
    ['{"model":""}', 'model'],
    ['{"model":5}', 'model'],
    ['{"model":["gpt"]}', 'model'],
    [`{"model":"${'x'.repeat(257)}"}`, 'model'],
    ['{"Model":"sandbox/echo"}', 'model'],
    ['{"model":"sandbox/echo","stream":"true"}', 'stream'],
    ['{"model":"sandbox/echo","stream":1}', 'stream'],
    ['{"model":"sandbox/echo","stream":{}}', 'stream'],
    ['{"model":"sandbox/echo","stream":true,"stream_options":true}', 'stream_options'],
    ['{"model":"sandbox/echo","stream":true,"stream_options":[]}', 'stream_options'],
    [
      '{"model":"sandbox/echo","stream":true,"stream_options":{"include_usage":"yes"}}',
      'include_usage',
    ],
  ])('%.60s', async (body, param) => {
    expect(refusal(await send(body), 400, 'invalid_request').param).toBe(param);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'the content type %s',
    async (type) => {
      const error = refusal(await send(BODY, { 'content-type': type }), 400, 'invalid_request');
      expect(error.message).toContain('content type');
    },
  );

  it('no content type', async () => {
    const length = `content-length: ${BODY.length}`;
    const request = head([length, 'connection: close']) + BODY;
    const { text } = await exchangeRaw(stage.app, [request]);
    expect(refusal(parseRaw(text), 400, 'invalid_request').message).toContain('content type');
  });

  it('no content type and no body', async () => {
    const request = head(['content-length: 0', 'connection: close']);
    const { text } = await exchangeRaw(stage.app, [request]);
    refusal(parseRaw(text), 400, 'invalid_json');
  });
});

describe('content types that are JSON all the same', () => {
  it.each([
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON',
  ])('200: %s', async (type) => {
    const body = JSON.stringify({ model: 'sandbox/echo', messages: MESSAGES });
    expect((await send(body, { 'content-type': type })).status).toBe(200);
  });
});

describe('403 and 404: the model', () => {
  it('403: a model that the key may not use', async () => {
    const key = await stage.app.keyWith({ permissions: { models: ['sandbox/*'] } });
    const error = refusal(await stage.chat({}, { key }), 403, 'model_not_allowed');
    expect(error).toMatchObject({ param: 'model', type: 'permission_error' });
    expect(error.message).toContain(MODEL);
  });

  it('403: a denied model, also under an escaped spelling', async () => {
    const key = await stage.app.keyWith({ permissions: { models: { denied: [MODEL] } } });
    const escaped = `{"\\u006dodel":"\\u0063loud/model","messages":[]}`;
    refusal(await stage.app.call('POST', CHAT, { key, body: escaped }), 403, 'model_not_allowed');
  });

  it('404: a model without a route says how to add one', async () => {
    const error = refusal(await stage.chat({ model: 'gpt-nowhere' }), 404, 'model_not_found');
    expect(error).toMatchObject({ param: 'model', type: 'not_found_error' });
    expect(error.message).toContain('POST /v1/routes');
  });

  it.each(['sandbox/nothing', 'SANDBOX/ECHO', `${MODEL} `, 'constructor', '__proto__'])(
    '404: %j',
    async (model) => {
      refusal(await stage.chat({ model }), 404, 'model_not_found');
    },
  );

  it('a name full of line breaks and NUL does not get into headers or records', async () => {
    const error = refusal(
      await stage.chat({ model: 'a\r\nset-cookie: x=1\u0000' }),
      404,
      'model_not_found',
    );
    expect(error.message).toContain('a\r\n');
  });
});

describe('413', () => {
  it('a content length over the limit: nothing is read, and the connection closed', async () => {
    const lines = ['content-type: application/json', `content-length: ${BODY_LIMIT + 1}`];
    const { text, closedByServer } = await exchangeRaw(stage.app, [head(lines)]);
    const answer = parseRaw(text);
    refusal(answer, 413, 'request_too_large');
    expect(answer.headers.get('connection')).toBe('close');
    expect(closedByServer).toBe(true);
  });

  it('chunks over the limit: the connection is closed', async () => {
    const lines = ['content-type: application/json', 'transfer-encoding: chunked'];
    const chunk = Buffer.concat([
      Buffer.from('100000\r\n'),
      Buffer.alloc(0x100000, 0x20),
      Buffer.from('\r\n'),
    ]);
    const chunks = Array.from({ length: 33 }, () => chunk);
    const { text, closedByServer } = await exchangeRaw(stage.app, [head(lines), ...chunks]);
    const answer = parseRaw(text);
    refusal(answer, 413, 'request_too_large');
    expect(answer.headers.get('connection')).toBe('close');
    expect(closedByServer).toBe(true);
  });

  it('the limit itself is not over it', async () => {
    const opening = '{"model":"nowhere","messages":[],"x":"';
    const body = `${opening}${'x'.repeat(BODY_LIMIT - opening.length - 2)}"}`;
    expect(body.length).toBe(BODY_LIMIT);
    refusal(await send(body), 404, 'model_not_found');
  });
});

it('a body that never comes whole holds up nobody and costs nothing', async () => {
  const { app, key } = stage;
  const { requests } = await usageOf(app, key);
  const { hostname, port } = new URL(app.origin);
  const request = head(['content-type: application/json', 'content-length: 500']);
  const clients = Array.from({ length: 50 }, () => connect(Number(port), hostname));
  for (const client of clients) client.on('error', () => undefined).write(`${request}{"model":`);
  await stage.expectAlive();
  for (const client of clients) client.destroy();
  expect((await usageOf(app, key)).requests).toBe(requests! + 1);
});
