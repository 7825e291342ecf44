import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { beforeEach, describe, expect, it } from 'vitest';

import { AppError } from '#common/errors/app-error.js';
import type { Logger } from '#platform/observability/logger.js';

import type { CallContext, CallOutcome } from './call-recorder.js';
import { Exchange, type ExchangeTools } from './exchange.js';
import type { UpstreamCall } from './upstream/provider-adapter.js';

const SSE = { 'content-type': 'text/event-stream' };
const JSON_TYPE = { 'content-type': 'application/json' };
const TEXT = 'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":null}]}\n\n';
const DONE = 'data: [DONE]\n\n';
const FAILURE = new AppError('upstream_timeout');

/** A client's side that says what it got, and can be slow. */
class FakeResponse extends EventEmitter {
  headersSent = false;
  status = 0;
  text = '';
  isEnded = false;
  isSlow = false;

  writeHead(status: number): void {
    this.status = status;
    this.headersSent = true;
  }
  write(bytes: Buffer): boolean {
    this.text += bytes.toString();
    return !this.isSlow;
  }
  end(bytes: Buffer | string = ''): void {
    this.text += bytes.toString();
    this.isEnded = true;
  }
}

/** Writes nothing down until it is told to. */
class FakeRecorder {
  readonly records: CallOutcome[] = [];
  readonly #waiting: ((error: Error | null) => void)[] = [];

  record(
    _call: unknown,
    _context: unknown,
    outcome: CallOutcome,
    written: (error: Error | null) => void,
  ): void {
    this.records.push(outcome);
    this.#waiting.push(written);
  }
  commit(error: Error | null = null): void {
    for (const written of this.#waiting.splice(0)) written(error);
  }
}

let response: FakeResponse;
let recorder: FakeRecorder;
let steps: string[];
/** What each exchange finished with. */
let outcomes: unknown[];

function start(stream = true): Exchange {
  const call = {
    requestId: 'req_1',
    surface: { streams: true },
    request: { stream, wantsUsage: false, parsed: {} },
    target: { providerName: 'acme', endpoint: null, speed: null },
  } as unknown as UpstreamCall;
  const tools = {
    recorder,
    running: { unwatch: () => undefined },
    counter: { countInput: () => 3, countEscaped: (text: string) => text.length },
    logger: { warn: () => undefined, error: () => steps.push('logged') } as unknown as Logger,
  } as unknown as ExchangeTools;
  const exchange = new Exchange(
    {
      call,
      context: {} as CallContext,
      keeps: null,
      response: response as unknown as ServerResponse,
      finished: (error) => outcomes.push(error),
    },
    tools,
  );
  exchange.attach({
    pause: () => steps.push('pause'),
    resume: () => steps.push('resume'),
    abort: () => steps.push('abort'),
  });
  return exchange;
}

beforeEach(() => {
  response = new FakeResponse();
  recorder = new FakeRecorder();
  steps = [];
  outcomes = [];
});

describe('the last bytes', () => {
  it('of a stream go out when the usage is written down, not before', () => {
    const exchange = start();
    exchange.head(200, SSE);
    exchange.data(Buffer.from(TEXT + DONE));
    expect([response.text, response.isEnded]).toEqual([TEXT, false]);
    recorder.commit();
    expect([response.text, response.isEnded]).toEqual([TEXT + DONE, true]);
    expect(outcomes).toEqual([null]);
  });

  it('of a JSON answer are all of it', () => {
    const exchange = start(false);
    exchange.head(200, JSON_TYPE);
    exchange.data(Buffer.from('{"a":1}'));
    exchange.end();
    expect(response.headersSent).toBe(false);
    recorder.commit();
    expect(response.text).toBe('{"a":1}');
    expect(outcomes).toEqual([null]);
  });

  it.each([true, false])('do not go out when it can’t be written down (stream: %s)', (stream) => {
    const exchange = start(stream);
    exchange.head(200, stream ? SSE : JSON_TYPE);
    exchange.data(Buffer.from(stream ? TEXT + DONE : '{"a":1}'));
    exchange.end();
    recorder.commit(new Error('disk full'));
    expect(response.text).not.toContain('[DONE]');
    expect(response.text).not.toContain('"a"');
    if (stream) expect(response.text).toContain('service_unavailable');
    else expect(outcomes).toMatchObject([{ code: 'service_unavailable' }]);
    expect(recorder.records).toHaveLength(1);
  });
});

describe('once the answer is whole', () => {
  it('what becomes of the connection changes nothing, and nothing is recorded twice', () => {
    const exchange = start();
    exchange.head(200, SSE);
    exchange.data(Buffer.from(TEXT + DONE));
    exchange.fail(FAILURE);
    exchange.data(Buffer.from(TEXT));
    exchange.end();
    recorder.commit();
    exchange.fail(FAILURE);
    response.emit('close');
    expect(response.text).toBe(TEXT + DONE);
    expect(recorder.records).toMatchObject([{ outcome: 'completed', status: 200 }]);
    expect(outcomes).toEqual([null]);
  });

  it('a client that leaves meanwhile has been served', () => {
    const exchange = start();
    exchange.head(200, SSE);
    exchange.data(Buffer.from(TEXT + DONE));
    response.emit('close');
    recorder.commit();
    expect(recorder.records).toMatchObject([{ outcome: 'completed' }]);
    expect(response.isEnded).toBe(false);
    expect(outcomes).toEqual([null]);
  });

  it('a provider that was paused may finish, so that its connection is free again', () => {
    response.isSlow = true;
    const exchange = start();
    exchange.head(200, SSE);
    exchange.data(Buffer.from(TEXT + DONE));
    expect(steps).toEqual(['pause']);
    recorder.commit();
    expect(steps.at(-1)).toBe('resume');
  });
});

describe('while it lasts', () => {
  it('the provider is paused while the client is slow', () => {
    response.isSlow = true;
    const exchange = start();
    exchange.head(200, SSE);
    exchange.data(Buffer.from(TEXT));
    response.emit('drain');
    expect(steps).toEqual(['pause', 'resume']);
  });

  it.each([
    ['leaves before the head', () => undefined, 0],
    ['leaves in the middle', (exchange: Exchange) => exchange.data(Buffer.from(TEXT)), 'Hi'.length],
  ])('a client that %s aborts the call and pays for what came', (_, before, outputTokens) => {
    const exchange = start();
    if (outputTokens > 0) exchange.head(200, SSE);
    before(exchange);
    response.emit('close');
    expect(steps).toContain('abort');
    expect(recorder.records).toMatchObject([
      { outcome: 'aborted', status: 499, usage: { inputTokens: 3, outputTokens } },
    ]);
    expect(outcomes).toEqual([null]);
  });

  it('a failure before the first byte is an error of its own, after it an event', () => {
    const early = start();
    early.fail(FAILURE);
    expect(outcomes).toEqual([FAILURE]);
    const late = start();
    late.head(200, SSE);
    late.data(Buffer.from(TEXT));
    late.fail(FAILURE);
    expect(outcomes).toEqual([FAILURE, null]);
    expect(response.text).toMatch(
      /^data: \{"choices".*\n\ndata: \{"error":.*"upstream_timeout".*\n\n$/,
    );
    expect(recorder.records).toMatchObject([{ usage: null }, { usage: { outputTokens: 2 } }]);
  });
});
