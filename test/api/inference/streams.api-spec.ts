import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Answer } from '../../support/app.js';
import {
  answerStream,
  type Behaviour,
  chunk,
  completion,
  DONE,
  event,
  answerJson,
  USAGE,
  USAGE_CHUNK,
} from '../../support/fake-upstream.js';
import {
  CREDENTIAL,
  type ErrorBody,
  refusal,
  REQUEST_ID,
  type Stage,
  startStage,
  usageEvents,
  usageOf,
} from './inference.harness.js';

const ROLE = chunk({ role: 'assistant', content: '' });
const HELLO = chunk({ content: 'Hello' });
const STOP = chunk({}, 'stop');
const WHOLE = [ROLE, HELLO, STOP, USAGE_CHUNK, DONE];
/** What the client gets of it when it did not ask for usage. */
const SHOWN = [ROLE, HELLO, STOP, DONE].join('');
const SSE = { 'content-type': 'text/event-stream' };

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterEach(() => stage.expectAlive());
afterAll(() => stage.close());

async function stream(
  behaviour: Behaviour,
  fields: Record<string, unknown> = {},
): Promise<{ answer: Answer; text: string; key: string }> {
  stage.upstream.behave(behaviour);
  const key = await stage.app.keyWith();
  const answer = await stage.chat({ stream: true, ...fields }, { key });
  return { answer, text: String(answer.body), key };
}

/** The error event that ends a stream after `before`; nothing may follow it. */
function brokenAfter(text: string, before: string): ErrorBody {
  expect(text.startsWith(before)).toBe(true);
  const rest = text.slice(before.length);
  expect(rest).toMatch(/^data: [^\n]*\n\n$/);
  const { error, ...others } = JSON.parse(rest.slice('data: '.length)) as { error: ErrorBody };
  expect(others).toEqual({});
  expect(text).not.toContain('[DONE]');
  return error;
}

describe('a whole stream', () => {
  it('200: comes as it is, without the usage chunk that nobody asked for', async () => {
    const { answer, text, key } = await stream(answerStream(WHOLE));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(answer.headers.get('x-request-id')).toMatch(REQUEST_ID);
    expect(text).toBe(SHOWN);
    expect(await usageEvents(stage.app, key)).toMatchObject([
      {
        id: answer.headers.get('x-request-id'),
        status: 200,
        outcome: 'completed',
        stream: true,
        usage_source: 'upstream',
        input_tokens: USAGE.prompt_tokens,
        cached_input_tokens: USAGE.prompt_tokens_details.cached_tokens,
        output_tokens: USAGE.completion_tokens,
      },
    ]);
  });

  it('with the usage chunk when the client asked for it', async () => {
    const fields = { stream_options: { include_usage: true } };
    expect((await stream(answerStream(WHOLE), fields)).text).toBe(WHOLE.join(''));
  });

  it('usage in a chunk that has choices is everybody’s, and is counted once', async () => {
    const last = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], usage: USAGE });
    const { text, key } = await stream(answerStream([HELLO, last, DONE]));
    expect(text).toBe(HELLO + last + DONE);
    expect(await usageOf(stage.app, key)).toMatchObject({ input_tokens: 11, output_tokens: 7 });
  });

  it('usage in every chunk: the last one counts', async () => {
    const growing = [1, 2, 3].map((completion_tokens) =>
      event({
        choices: [{ index: 0, delta: { content: 'x' }, finish_reason: null }],
        usage: { prompt_tokens: 11, completion_tokens },
      }),
    );
    const { key } = await stream(answerStream([...growing, STOP, DONE]));
    expect(await usageOf(stage.app, key)).toMatchObject({ input_tokens: 11, output_tokens: 3 });
  });

  it('comments and other fields pass unchanged', async () => {
    const odd = ': keep-alive\n\nevent: message\nid: 7\nretry: 10\n' + HELLO;
    expect((await stream(answerStream([odd, STOP, DONE]))).text).toBe(odd + STOP + DONE);
  });

  it('events with CRLF: the same bytes, the same usage', async () => {
    const crlf = (text: string): string => text.replaceAll('\n', '\r\n');
    const { text, key } = await stream(answerStream(WHOLE.map(crlf)));
    expect(text).toBe(crlf(SHOWN));
    expect(await usageOf(stage.app, key)).toMatchObject({ input_tokens: 11, output_tokens: 7 });
  });

  it('without [DONE], but with a finish reason, it is complete', async () => {
    const { text, key } = await stream(answerStream([HELLO, STOP]));
    expect(text).toBe(HELLO + STOP);
    expect(await usageEvents(stage.app, key)).toMatchObject([{ outcome: 'completed' }]);
  });

  it('a last event without its empty line is not lost', async () => {
    const { text, key } = await stream(answerStream([HELLO, STOP, 'data: [DONE]']));
    expect(text).toBe(`${HELLO}${STOP}data: [DONE]`);
    expect(await usageEvents(stage.app, key)).toMatchObject([{ outcome: 'completed' }]);
  });

  it('a connection that stays open or breaks after [DONE] takes nothing from it', async () => {
    const model = await stage.route({ idle_ms: 300 });
    for (const ending of ['open', 'end', 'reset', 'reset later'] as const) {
      const { text, key } = await stream(
        (response, _call, request) => {
          response.writeHead(200, SSE);
          response.write(WHOLE.join(''), () => {
            // Together with the last bytes.
            if (ending === 'end') request.socket.end();
            if (ending === 'reset') request.socket.resetAndDestroy();
            if (ending === 'reset later') setTimeout(() => request.socket.resetAndDestroy(), 30);
          });
        },
        { model },
      );
      expect(text).toBe(SHOWN);
      expect(await usageEvents(stage.app, key)).toMatchObject([{ outcome: 'completed' }]);
    }
  });

  it('a provider that answers with JSON instead is let through', async () => {
    const { answer } = await stream(answerJson(200, completion()));
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.body).toEqual(completion());
  });

  it('an event stream that nobody asked for is a 502', async () => {
    const { answer } = await stream(answerStream(WHOLE), { stream: false });
    refusal(answer, 502, 'upstream_error');
  });
});

describe('split at every byte', () => {
  const text = [ROLE, chunk({ content: 'é\u{1F511} "usage":{ \r\n\r\n' }), STOP, USAGE_CHUNK, DONE];

  // The second only here and there: how bytes are split is the meter's own test, at every byte too.
  it.each([
    ['\n', 1],
    ['\r\n', 5],
  ])('the client’s bytes and the usage stay the same (%j, each %d)', async (newline, distance) => {
    const whole = Buffer.from(text.join('').replaceAll('\n', newline));
    const shown = [text[0], text[1], text[2], text[4]].join('').replaceAll('\n', newline);
    stage.upstream.behave((response, call, request) => {
      const { cut } = (JSON.parse(call.body) as { metadata: { cut: number } }).metadata;
      answerStream([whole.subarray(0, cut), whole.subarray(cut)])(response, call, request);
    });
    const key = await stage.app.keyWith();
    const calls = Math.floor((whole.length - 1) / distance);
    const cuts = Array.from({ length: calls }, (_, index) => (index + 1) * distance).values();
    const work = async (): Promise<void> => {
      // All take from one list.
      for (const cut of cuts) {
        const answer = await stage.chat({ stream: true, metadata: { cut } }, { key });
        expect(answer.body).toBe(shown);
      }
    };
    await Promise.all(Array.from({ length: 16 }, work));
    expect(await usageOf(stage.app, key)).toMatchObject({
      requests: calls,
      input_tokens: calls * USAGE.prompt_tokens,
      output_tokens: calls * USAGE.completion_tokens,
    });
  });

  it('a byte at a time', async () => {
    const bytes = [...Buffer.from(WHOLE.join(''))].map((byte) => Buffer.from([byte]));
    const { text: got, key } = await stream((response) => {
      response.writeHead(200, SSE);
      response.socket?.setNoDelay(true);
      let next = 0;
      const step = (): void => {
        const byte = bytes[next++];
        if (byte) response.write(byte, () => setImmediate(step));
        else response.end();
      };
      step();
    });
    expect(got).toBe(SHOWN);
    expect(await usageOf(stage.app, key)).toMatchObject({ input_tokens: 11, output_tokens: 7 });
  });
});

describe('a stream that fails before any event', () => {
  it.each([
    ['at once', ''],
    ['after half an event', ROLE.slice(0, 20)],
  ])('502 when it ends %s', async (_, bytes) => {
    const { answer, key } = await stream(answerStream(bytes === '' ? [] : [bytes]));
    refusal(answer, 502, 'upstream_error');
    expect(await usageEvents(stage.app, key)).toMatchObject([{ status: 502, outcome: 'failed' }]);
  });

  it('502 when it is cut', async () => {
    refusal((await stream(answerStream([ROLE.slice(0, 20)], true))).answer, 502, 'upstream_error');
  });

  it('502 when an event never ends', async () => {
    const before = stage.upstream.aborted.length;
    const { answer } = await stream(endless(''));
    expect(refusal(answer, 502, 'upstream_error').message).toContain('too long');
    await vi.waitFor(() => expect(stage.upstream.aborted.length).toBe(before + 1));
  });
});

describe('a stream that fails after some events', () => {
  async function breaks(
    behaviour: Behaviour,
    code: string,
    fields: Record<string, unknown> = {},
  ): Promise<void> {
    const { answer, text, key } = await stream(behaviour, fields);
    expect(answer.status).toBe(200);
    const error = brokenAfter(text, ROLE + HELLO);
    expect(error).toMatchObject({ code, type: 'server_error', param: null });
    expect(error.request_id).toBe(answer.headers.get('x-request-id'));
    const [record] = await usageEvents(stage.app, key);
    expect(record).toMatchObject({
      id: error.request_id,
      status: code === 'upstream_timeout' ? 504 : 502,
      outcome: 'failed',
      usage_source: 'counted',
      output_tokens: 1,
    });
    expect(record!.input_tokens).toBeGreaterThan(0);
    expect(BigInt(record!.cost_nanos)).toBeGreaterThan(0n);
  }

  it('ends with an error event when it just ends', () =>
    breaks(answerStream([ROLE, HELLO]), 'upstream_error'));

  it('ends with an error event when it is cut', () =>
    breaks(answerStream([ROLE, HELLO, STOP.slice(0, 9)], true), 'upstream_error'));

  it('ends with an error event when its chunks have no end', () =>
    breaks((response, _call, request) => {
      response.writeHead(200, SSE);
      response.write(ROLE + HELLO, () => request.socket.end());
    }, 'upstream_error'));

  it('ends with an error event when an event never ends', () =>
    breaks(endless(ROLE + HELLO), 'upstream_error'));

  it('ends with an error event when it falls silent', async () => {
    const model = await stage.route({ idle_ms: 200 });
    await breaks(silentAfter(ROLE + HELLO), 'upstream_timeout', { model });
  });

  it('ends with an error event when its whole time is over', async () => {
    const model = await stage.route({ total_ms: 300 });
    const before = stage.upstream.aborted.length;
    await breaks(silentAfter(ROLE + HELLO), 'upstream_timeout', { model });
    await vi.waitFor(() => expect(stage.upstream.aborted.length).toBe(before + 1));
  });

  it('a comment a second is a sign of life, but no excuse for the whole time', async () => {
    const model = await stage.route({ idle_ms: 300, total_ms: 900 });
    const { text } = await stream(
      (response) => {
        response.writeHead(200, SSE).write(ROLE);
        const timer = setInterval(() => response.write(': still here\n\n'), 50);
        response.on('close', () => clearInterval(timer));
      },
      { model },
    );
    expect(text.split(': still here').length).toBeGreaterThan(8);
    expect(text).toContain('upstream_timeout');
  });

  it('the provider’s own error event is handed on, and nothing is charged as complete', async () => {
    const failed = event({ error: { message: 'overloaded', type: 'server_error', code: null } });
    const { text, key } = await stream(answerStream([ROLE, HELLO, failed]));
    expect(text.startsWith(ROLE + HELLO + failed)).toBe(true);
    expect(text).not.toContain('[DONE]');
    expect(await usageEvents(stage.app, key)).toMatchObject([{ outcome: 'failed' }]);
  });

  it('the provider’s own error event goes on without the gateway’s credential', async () => {
    const failed = event({ error: { message: `bad key ${CREDENTIAL}`, type: 'auth', code: 401 } });
    const { text } = await stream(answerStream([ROLE, HELLO, failed]));
    expect(text.startsWith(ROLE + HELLO)).toBe(true);
    expect(text).toContain('bad key [redacted]');
    expect(text).not.toContain(CREDENTIAL);
  });

  it('the provider’s own error event with a proper end after it: nothing is added', async () => {
    const failed = event({ error: { message: 'overloaded', type: 'server_error', code: null } });
    const { text, key } = await stream(answerStream([ROLE, HELLO, failed, DONE]));
    expect(text).toBe(ROLE + HELLO + failed + DONE);
    expect(await usageEvents(stage.app, key)).toMatchObject([{ outcome: 'failed' }]);
  });
});

function endless(before: string): Behaviour {
  return (response) => {
    response.writeHead(200, SSE);
    response.write(`${before}data: {"x":"`);
    const filler = 'x'.repeat(64 * 1024);
    const step = (): void => {
      if (response.destroyed) return;
      response.write(filler, () => setImmediate(step));
    };
    step();
  };
}

function silentAfter(before: string): Behaviour {
  return (response) => {
    response.writeHead(200, SSE);
    response.write(before);
  };
}
