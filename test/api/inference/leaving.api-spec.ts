import { connect, type Socket } from 'node:net';
import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import pg from 'pg';
import { type Behaviour, chunk, DONE } from '../../support/fake-upstream.js';
import {
  CHAT,
  keyIdOf,
  MESSAGES,
  MODEL,
  type Stage,
  startStage,
  usageEvents,
  usageOf,
} from './inference.harness.js';

const SSE = { 'content-type': 'text/event-stream' };
const MIB = 1024 * 1024;

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

/** A client that can stop reading and go away. */
async function openClient(key: string, fields: Record<string, unknown> = {}): Promise<Socket> {
  const body = JSON.stringify({ model: MODEL, messages: MESSAGES, ...fields });
  const { hostname, port } = new URL(stage.app.origin);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(
    [
      `POST ${CHAT} HTTP/1.1`,
      'host: gateway',
      `authorization: Bearer ${key}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
  return socket;
}

function firstBytes(socket: Socket): Promise<string> {
  return new Promise((resolve) => socket.once('data', (data) => resolve(data.toString('latin1'))));
}

/** How long it takes until the provider's side of the call is closed, in ms. */
async function untilAborted(before: number): Promise<number> {
  const startedAt = performance.now();
  await vi.waitFor(() => expect(stage.upstream.aborted.length).toBe(before + 1), { interval: 5 });
  return performance.now() - startedAt;
}

describe('a client that leaves', () => {
  it.each(['destroy', 'reset', 'half-close and destroy'])(
    'in the middle of a stream ends the provider’s work within a second, and pays for what was made: %s',
    async (how) => {
      const words = ['one', ' two', ' three', ' four', ' five'];
      stage.upstream.behave((response) => {
        response.writeHead(200, SSE);
        response.write(words.map((content) => chunk({ content })).join(''));
      });
      const key = await stage.app.keyWith();
      const before = stage.upstream.aborted.length;
      const client = await openClient(key, { stream: true });
      const head = await firstBytes(client);
      await vi.waitFor(() => expect(stage.upstream.received.length).toBeGreaterThan(0));
      if (how === 'reset') client.resetAndDestroy();
      else if (how === 'destroy') client.destroy();
      else client.end(() => client.destroy());
      expect(await untilAborted(before)).toBeLessThan(1_000);
      const [record] = await usageEvents(stage.app, key);
      expect(record).toMatchObject({
        id: /x-request-id: (\S+)/.exec(head)?.[1],
        status: 499,
        outcome: 'aborted',
        stream: true,
        usage_source: 'counted',
        output_tokens: words.length,
      });
      const { input_tokens: input, output_tokens: output } = record!;
      expect(input).toBeGreaterThan(0);
      expect(record!.cost_nanos).toBe(String(input * 150 + output * 600));
    },
  );

  it.each([true, false])('before the first byte (stream: %s)', async (stream) => {
    stage.upstream.behave(() => undefined);
    const key = await stage.app.keyWith();
    const before = stage.upstream.aborted.length;
    const calls = stage.upstream.received.length;
    const client = await openClient(key, { stream });
    await vi.waitFor(() => expect(stage.upstream.received.length).toBe(calls + 1));
    client.destroy();
    expect(await untilAborted(before)).toBeLessThan(1_000);
    const [record] = await usageEvents(stage.app, key);
    expect(record).toMatchObject({
      status: 499,
      outcome: 'aborted',
      output_tokens: 0,
      first_byte_ms: null,
      usage_source: 'counted',
    });
    expect(record!.input_tokens).toBeGreaterThan(0);
  });

  it('in the middle of a JSON answer', async () => {
    stage.upstream.behave((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"choices":[{"message":{"content":"one two');
    });
    const key = await stage.app.keyWith();
    const before = stage.upstream.aborted.length;
    const calls = stage.upstream.received.length;
    const client = await openClient(key);
    await vi.waitFor(() => expect(stage.upstream.received.length).toBe(calls + 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.destroy();
    expect(await untilAborted(before)).toBeLessThan(1_000);
    expect(await usageEvents(stage.app, key)).toMatchObject([
      { outcome: 'aborted', usage_source: 'counted', output_tokens: 2 },
    ]);
  });

  it('while the sandbox is told to be slow', async () => {
    const key = await stage.app.keyWith({ environment: 'development' });
    const call = stage.app.call('POST', CHAT, {
      key,
      body: { model: 'sandbox/echo', messages: MESSAGES },
      headers: { 'x-latchkey-sandbox-delay-ms': '100' },
    });
    const client = await openClient(key, { model: 'sandbox/lorem', stream: true });
    await firstBytes(client);
    client.destroy();
    expect((await call).status).toBe(200);
  });

  it('while its body is on the way, leaves nothing', async () => {
    const key = await stage.app.keyWith();
    await keyIdOf(stage.app, key);
    const { hostname, port } = new URL(stage.app.origin);
    const calls = stage.upstream.received.length;
    for (let i = 0; i < 20; i++) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(
        `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n` +
          'content-type: application/json\r\ncontent-length: 1000\r\n\r\n{"model":',
      );
      setTimeout(() => socket.resetAndDestroy(), i);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(stage.upstream.received.length).toBe(calls);
  });

  it.each([
    ['its key is looked up', 'api_key_secrets', 400],
    ['its model is looked up', 'routes', null],
  ])('while %s, holds no place and calls no provider', async (_, table, loggedStatus) => {
    const { app, upstream, logs } = stage;
    const key = await app.keyWith();
    const calls = upstream.received.length;
    const failures = (): number => logs.filter((line) => line.includes('"status":400')).length;
    const failuresBefore = failures();
    // Whatever the gateway knows of routes is stale now, and the key is new.
    const model = await stage.route();
    const database = new pg.Client({ connectionString: app.databaseUrl });
    await database.connect();
    await database.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const clients = await Promise.all(Array.from({ length: 20 }, () => openClient(key, { model })));
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const client of clients) client.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await database.query('ROLLBACK');
    await database.end();
    if (loggedStatus !== null) {
      // Each of them came to its end.
      await vi.waitFor(() => expect(failures() - failuresBefore).toBe(clients.length));
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(upstream.received.length).toBe(calls);
    expect((await usageOf(app, key)).requests).toBe(0);
  });

  it('100 at once, at any moment: each call is in the books exactly once', async () => {
    stage.upstream.behave((response) => {
      response.writeHead(200, SSE);
      const timer = setInterval(() => response.write(chunk({ content: ' word' })), 2);
      setTimeout(() => response.end(chunk({}, 'stop') + DONE), 60);
      response.on('close', () => clearInterval(timer));
    });
    const key = await stage.app.keyWith();
    await keyIdOf(stage.app, key);
    const calls = stage.upstream.received.length;
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const client = await openClient(key, { stream: true });
        client.resume();
        await new Promise((resolve) => setTimeout(resolve, index));
        client.destroy();
      }),
    );
    // On a slow machine it takes a while until the last of them has come to its end.
    let requests = -1;
    await vi.waitFor(
      async () => {
        const before = requests;
        requests = (await usageOf(stage.app, key)).requests ?? 0;
        expect(requests).toBe(before);
      },
      { interval: 500, timeout: 20_000 },
    );
    const reached = stage.upstream.received.length - calls;
    // One that left while its request was on the way to the provider is in the books, too.
    const records = await usageEvents(stage.app, key, requests);
    expect(requests).toBeGreaterThanOrEqual(reached);
    expect(new Set(records.map(({ id }) => id)).size).toBe(requests);
    expect(records.length).toBe(requests);
    const outcomes = new Set(records.map(({ outcome }) => outcome));
    expect([...outcomes].sort()).toEqual(expect.arrayContaining(['aborted']));
    expect(outcomes).not.toContain('failed');
  });
});

/** Streams whole events of 64 KiB as fast as they are taken, and counts them. */
function flood(totalBytes: number): { behaviour: Behaviour; sent: () => number; size: number } {
  const filler = chunk({ content: 'x'.repeat(64 * 1024) });
  const events = Math.ceil(totalBytes / filler.length);
  let sent = 0;
  const pump = (response: ServerResponse, from: number): void => {
    for (let event = from; event < events; event++) {
      sent++;
      if (!response.write(filler)) {
        response.once('drain', () => pump(response, event + 1));
        return;
      }
    }
    response.end(chunk({}, 'stop') + DONE);
  };
  return {
    behaviour: (response) => {
      response.writeHead(200, SSE);
      pump(response, 0);
    },
    sent: () => sent * filler.length,
    size: events * filler.length,
  };
}

describe('a client that does not read', () => {
  it('stops the provider instead of filling the memory, and gets all when it reads again', async () => {
    // Once before, so that the buffers of the way are there.
    stage.upstream.behave(flood(5 * MIB).behaviour);
    await stage.chat({ stream: true });
    const { behaviour, sent, size } = flood(50 * MIB);
    stage.upstream.behave(behaviour);
    const rssBefore = process.memoryUsage.rss();
    const client = await openClient(stage.key, { stream: true });
    client.pause();
    let last = -1;
    await vi.waitFor(
      () => {
        const now = sent();
        const hasStopped = now > 0 && now === last;
        last = now;
        expect(hasStopped).toBe(true);
      },
      { interval: 300, timeout: 10_000 },
    );
    const grown = process.memoryUsage.rss() - rssBefore;
    // What the kernel's socket buffers hold is all that went off.
    expect(sent()).toBeLessThan(20 * MIB);
    expect(grown).toBeLessThan(20 * MIB);
    let got = 0;
    let tail = '';
    client.on('data', (data) => {
      got += data.length;
      tail = (tail + data.toString('latin1')).slice(-DONE.length - 16);
    });
    client.resume();
    await vi.waitFor(() => expect(tail).toContain('[DONE]'), { timeout: 10_000 });
    expect(got).toBeGreaterThan(size);
    client.destroy();
  });

  it('is ended when the whole time is over', async () => {
    const model = await stage.route({ total_ms: 500 });
    stage.upstream.behave(flood(50 * MIB).behaviour);
    const before = stage.upstream.aborted.length;
    const key = await stage.app.keyWith();
    const client = await openClient(key, { stream: true, model });
    client.pause();
    await vi.waitFor(() => expect(stage.upstream.aborted.length).toBe(before + 1), {
      timeout: 3_000,
    });
    expect(await usageEvents(stage.app, key)).toMatchObject([{ outcome: 'failed', status: 504 }]);
    client.destroy();
  });
});
