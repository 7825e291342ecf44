import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import {
  answerJson,
  type Behaviour,
  completion,
  startFakeUpstream,
} from '../../support/fake-upstream.js';
import {
  closedPort,
  CREDENTIAL,
  refusal,
  type Stage,
  startStage,
  type Timeouts,
  usageEvents,
} from './inference.harness.js';

const TYPE = { 'content-type': 'application/json' };

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

async function callBadly(
  behaviour: Behaviour,
  expected: readonly [status: number, code: string],
  { model, stream = false }: { model?: string; stream?: boolean } = {},
) {
  stage.upstream.behave(behaviour);
  const key = await stage.app.keyWith();
  const answer = await stage.chat({ stream, ...(model !== undefined && { model }) }, { key });
  const error = refusal(answer, ...expected);
  expect(error.type).toBe('server_error');
  expect(error.param).toBeNull();
  const [event] = await usageEvents(stage.app, key);
  expect(event).toMatchObject({
    id: error.request_id,
    status: expected[0],
    outcome: 'failed',
    stream,
  });
  return { answer, error, event: event! };
}

it('504: silence after the request', async () => {
  const model = await stage.route({ first_byte_ms: 150 });
  const before = stage.upstream.aborted.length;
  const startedAt = performance.now();
  await callBadly(() => undefined, [504, 'upstream_timeout'], { model, stream: true });
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  await vi.waitFor(() => expect(stage.upstream.aborted.length).toBe(before + 1));
});

describe.each([
  ['as JSON', false],
  ['as a stream', true],
])('asked for %s', (_, stream) => {
  it('504: silence after the head', async () => {
    const model = await stage.route({ idle_ms: 150 });
    const silent: Behaviour = (response) => {
      const type = stream ? 'text/event-stream' : 'application/json';
      response.writeHead(200, { 'content-type': type }).flushHeaders();
    };
    await callBadly(silent, [504, 'upstream_timeout'], { model, stream });
  });

  it('504: bytes that keep coming until the whole time is over', async () => {
    const model = await stage.route({ idle_ms: 5_000, total_ms: 300 });
    const before = stage.upstream.aborted.length;
    const drip: Behaviour = (response) => {
      response.writeHead(200, stream ? { 'content-type': 'text/event-stream' } : TYPE);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    };
    await callBadly(drip, [504, 'upstream_timeout'], { model, stream });
    await vi.waitFor(() => expect(stage.upstream.aborted.length).toBe(before + 1));
  });

  it('502: connection refused', async () => {
    const model = await stage.route({}, `http://127.0.0.1:${await closedPort()}/v1`);
    const { event } = await callBadly(() => undefined, [502, 'upstream_error'], { model, stream });
    expect(event).toMatchObject({ usage_source: 'none', output_tokens: 0, cost_nanos: '0' });
  });

  it('502: a reset before the head', async () => {
    await callBadly(
      (_r, _c, request) => request.socket.resetAndDestroy(),
      [502, 'upstream_error'],
      {
        stream,
      },
    );
  });

  it('502: an end before the head', async () => {
    await callBadly((_r, _c, request) => request.socket.end(), [502, 'upstream_error'], { stream });
  });

  it('502: a reset in the middle of the body', async () => {
    const half: Behaviour = (response, _c, request) => {
      response.writeHead(200, { ...TYPE, 'content-length': 1_000 });
      response.write('{"choices":[', () => request.socket.resetAndDestroy());
    };
    await callBadly(half, [502, 'upstream_error'], { stream });
  });

  it('502: HTML', async () => {
    const html: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Bad gateway of some proxy</html>');
    };
    const { answer } = await callBadly(html, [502, 'upstream_error'], { stream });
    expect(JSON.stringify(answer.body)).not.toContain('some proxy');
  });

  it.each([
    ['', 'whole'],
    ['{"choices":[{"index":0', 'cut'],
    ['not JSON', 'text'],
    ['"a text"', 'no object'],
    ['null', 'null'],
    ['{"usage":{"prompt_tokens":NaN}}', 'NaN'],
  ])('502: JSON that is none: %s', async (text) => {
    await callBadly(answerJson(200, text), [502, 'upstream_error'], { stream });
  });

  it('502: JSON that is cut, with a proper end of the chunks', async () => {
    const chunked: Behaviour = (response) => {
      response.writeHead(200, TYPE);
      response.write(JSON.stringify(completion()).slice(0, 100));
      setTimeout(() => response.end(), 5);
    };
    await callBadly(chunked, [502, 'upstream_error'], { stream });
  });

  it('502: chunks without their end', async () => {
    const chunked: Behaviour = (response, _c, request) => {
      response.writeHead(200, TYPE);
      response.write(JSON.stringify(completion()), () => request.socket.end());
    };
    await callBadly(chunked, [502, 'upstream_error'], { stream });
  });

  it('502: less than the content length says', async () => {
    const text = JSON.stringify(completion());
    const short: Behaviour = (response, _c, request) => {
      response.writeHead(200, { ...TYPE, 'content-length': text.length + 10 });
      response.write(text, () => request.socket.end());
    };
    await callBadly(short, [502, 'upstream_error'], { stream });
  });

  it.each([301, 302, 303, 307, 308, 304])(
    '502: a redirect (%d) is not followed',
    async (status) => {
      const elsewhere = await startFakeUpstream();
      const redirect: Behaviour = (response) => {
        response.writeHead(status, { ...TYPE, location: `${elsewhere.baseUrl}/chat/completions` });
        response.end(status === 304 ? undefined : JSON.stringify(completion()));
      };
      const { answer } = await callBadly(redirect, [502, 'upstream_error'], { stream });
      expect(answer.headers.get('location')).toBeNull();
      expect(elsewhere.received).toEqual([]);
      await elsewhere.close();
    },
  );

  it.each(['gzip', 'br', 'deflate', 'x-unheard-of'])('502: encoded as %s', async (encoding) => {
    const body = gzipSync(JSON.stringify(completion()));
    const encoded: Behaviour = (response) => {
      response.writeHead(200, { ...TYPE, 'content-encoding': encoding });
      response.end(body);
    };
    const { error } = await callBadly(encoded, [502, 'upstream_error'], { stream });
    expect(error.message).toContain('compressed');
  });

  it.each([204, 205])('502: %d without a body', async (status) => {
    await callBadly((response) => response.writeHead(status).end(), [502, 'upstream_error'], {
      stream,
    });
  });
});

describe('what is not even HTTP', () => {
  let server: Server;
  let speak: (socket: Socket) => void;
  let model: string;
  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => speak(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const timeouts: Timeouts = { first_byte_ms: 1_000, idle_ms: 1_000 };
    const { port } = server.address() as AddressInfo;
    model = await stage.route(timeouts, `http://127.0.0.1:${port}/v1`);
  });
  afterAll(() => void server.close());

  const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
  it.each([
    ['a greeting of another protocol', '220 mail ready\r\n'],
    ['a status out of range', 'HTTP/1.1 999999 OK\r\n\r\n'],
    ['two content lengths', `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`],
    ['a content length that is no number', `${HEAD}content-length: x\r\n\r\n{}`],
    ['a wrong chunk', `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n`],
    ['100 KiB of headers', `${HEAD}x-big: ${'x'.repeat(100 * 1024)}\r\n\r\n{}`],
    [
      'a switch of protocols',
      'HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n',
    ],
    ['a NUL in a header', `${HEAD}x-a: \0\r\ncontent-length: 2\r\n\r\n{}`],
  ])('502: %s', async (_, bytes) => {
    speak = (socket) => void socket.end(bytes);
    refusal(await stage.chat({ model }), 502, 'upstream_error');
  });

  it('200: interim answers before the real one are passed over', async () => {
    const text = JSON.stringify(completion());
    const interim = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(3);
    speak = (socket) =>
      void socket.end(
        `${interim}${HEAD}content-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
      );
    expect((await stage.chat({ model })).body).toEqual(completion());
  });
});

it('many failures at once leave no connection and no place behind', async () => {
  const model = await stage.route({ first_byte_ms: 200 });
  stage.upstream.behave(() => undefined);
  const answers = await Promise.all(Array.from({ length: 200 }, () => stage.chat({ model })));
  for (const answer of answers) refusal(answer, 504, 'upstream_timeout');
  stage.upstream.behave(answerJson(200, completion()));
  expect((await stage.chat({ model })).status).toBe(200);
});

it('every failure is logged with the request’s id, and no credential', () => {
  const failures = stage.logs.filter((line) => line.includes('"code":"upstream_'));
  expect(failures.length).toBeGreaterThan(0);
  for (const line of failures) expect(JSON.parse(line)).toHaveProperty('request_id');
  expect(stage.logs.filter((line) => line.includes(CREDENTIAL))).toEqual([]);
});
