/** What an instance that is told to stop says to those who go on calling it on connections that they have kept. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { JobWorkers } from '../../src/platform/queue/job-workers.js';
import { type Answer, startTestApp, type TestApp } from '../support/app.js';

const MESSAGE = 'This instance is shutting down. Try again.';
const id = expect.stringMatching(/^req_[0-9A-Za-z]{22}$/) as string;
const json = 'application/json; charset=utf-8';
const openAi = {
  error: {
    message: MESSAGE,
    type: 'server_error',
    code: 'service_unavailable',
    param: null,
    request_id: id,
  },
};
const problem = {
  type: 'urn:latchkey:error:service_unavailable',
  title: 'Service Unavailable',
  status: 503,
  detail: MESSAGE,
  instance: expect.stringMatching(/^urn:latchkey:request:req_/) as string,
  code: 'service_unavailable',
  request_id: id,
};
const anthropic = {
  type: 'error',
  error: { type: 'overloaded_error', message: MESSAGE },
  request_id: id,
};

/** Routes, paths that are none, and one that has a short way but is spelled in another. */
const REFUSED: readonly (readonly [request: string, contentType: string, body: unknown])[] = [
  ['GET /v1/keys', json, openAi],
  ['DELETE /v1/keys/key_x', json, openAi],
  ['POST /v1/chat/completions?x=1', json, openAi],
  ['GET /nothing', json, openAi],
  ['GET /docs', json, openAi],
  ['GET /manage/anything', json, { error: MESSAGE }],
  ['GET /api/v1/nothing', 'application/problem+json; charset=utf-8', problem],
  ['GET /v1/messages', json, anthropic],
];

let app: TestApp;
let slow: Promise<Answer>;
let closing: Promise<void> | null;
let endJob: () => void;
const clients = new Set<Socket>();
beforeEach(async () => {
  closing = null;
  endJob = () => undefined;
  app = await startTestApp({ logger: pino({ level: 'silent' }) });
});
afterEach(async () => {
  endJob();
  for (const client of clients) client.destroy();
  clients.clear();
  await (closing ?? app.close());
  vi.restoreAllMocks();
});

/** A call that is in flight for a while yet. */
async function beginSlowCall(): Promise<void> {
  slow = app.call('POST', '/v1/chat/completions', {
    body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] },
    headers: { 'x-latchkey-sandbox-delay-ms': '2000' },
  });
  await sleep(200);
}

type KeptConnection = {
  /** Sends the rest of the request, and answers what has come back once the server has closed the connection. */
  finish(): Promise<Answer>;
};

/**
 * A connection on which one request has been answered, and of the next one nearly all is sent: a server that closes
 * drops those that are quiet.
 */
async function keepConnection(request: string): Promise<KeptConnection> {
  const { hostname, port } = new URL(app.origin);
  const client = connect(Number(port), hostname).setEncoding('utf8');
  clients.add(client);
  let said = '';
  client.on('data', (text: string) => (said += text));
  client.write('GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n');
  await expect.poll(() => said, { interval: 5 }).toMatch(/^HTTP\/1.1 200 [^]*"ok"}$/);
  said = '';
  client.write(`${request} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${app.masterKey}\r\n`);
  await sleep(20);
  return {
    finish: async () => {
      const closed = once(client, 'close');
      client.write('\r\n');
      await closed;
      return parseAnswer(said);
    },
  };
}

function parseAnswer(text: string): Answer {
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(': ', 2) as [string, string]));
  return { status: Number(statusLine.split(' ')[1]), headers, body: JSON.parse(body) as unknown };
}

async function expectNoNewConnections(): Promise<void> {
  const taken = (): Promise<boolean> =>
    fetch(`${app.origin}/health/live`, { headers: { connection: 'close' } }).then(
      () => true,
      () => false,
    );
  await expect.poll(taken, { interval: 10 }).toBe(false);
}

function expectRefusal(answer: Answer, contentType: string, body: unknown): void {
  expect(answer.status).toBe(503);
  expect(answer.body).toEqual(body);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': contentType,
    'retry-after': '1',
    connection: 'close',
    'cache-control': 'no-store',
    'x-request-id': id,
  });
  const said = answer.body as { request_id?: string; error?: { request_id?: string } };
  const requestId = answer.headers.get('x-request-id');
  expect(said.request_id ?? said.error?.request_id ?? requestId).toBe(requestId);
}

function expectHealth(live: Answer, ready: Answer): void {
  expect([live.status, live.body]).toEqual([200, { status: 'ok' }]);
  expect(ready.status).toBe(503);
  expect(ready.body).toMatchObject({
    error: { code: 'service_unavailable', details: { failed: ['draining'] } },
  });
}

describe('while a call in flight holds up the end', () => {
  it('refuses in each surface’s own envelope, and tells how it is', async () => {
    await beginSlowCall();
    const connections = await Promise.all(REFUSED.map(([request]) => keepConnection(request)));
    const live = await keepConnection('GET /health/live');
    const ready = await keepConnection('GET /health/ready');
    closing = app.close();
    await expectNoNewConnections();
    for (const [index, [, contentType, body]] of REFUSED.entries()) {
      expectRefusal(await connections[index]!.finish(), contentType, body);
    }
    expectHealth(await live.finish(), await ready.finish());
    expect((await slow).status).toBe(200);
  });
});

describe('while a job holds up the end, and the server still listens', () => {
  it('refuses in each surface’s own envelope, and tells how it is', async () => {
    const job = new Promise<void>((resolve) => (endJob = resolve));
    const { beforeApplicationShutdown } = JobWorkers.prototype;
    const workers = vi.spyOn(JobWorkers.prototype, 'beforeApplicationShutdown');
    workers.mockImplementation(async function (this: JobWorkers) {
      await job;
      await beforeApplicationShutdown.call(this);
    });
    closing = app.close();
    await expect.poll(() => workers.mock.calls.length, { interval: 5 }).toBe(1);
    for (const [request, contentType, body] of REFUSED) {
      const [method = '', path = ''] = request.split(' ');
      expectRefusal(await app.call(method, path), contentType, body);
    }
    expectHealth(await app.call('GET', '/health/live'), await app.call('GET', '/health/ready'));
  });
});
