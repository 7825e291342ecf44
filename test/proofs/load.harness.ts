/** Clients that call without a pause, and remember of each call what they have got of its answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher, request } from 'undici';

import { answerOf, MODEL, questionOf } from './ledger-provider.harness.js';

const PATIENCE_MS = 20_000;
/** Until a client that was not answered at all tries again, and one that was asked to wait. */
const RETRY_MS = 5;
const REFUSED_MS = 100;

export type Call = {
  readonly number: number;
  readonly stream: boolean;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  endedAt: number;
  status: number | null;
  requestId: string | null;
  /** The answer says that its connection is not to be used again. */
  closes: boolean;
  /** The client has all of it: every byte of the content-length, or the end mark of the stream. */
  isWhole: boolean;
  /** Why the connection gave no more, if it did not end well. */
  failure: string | null;
};

type Target = { readonly origin: string; readonly agent: Agent };

export class Load {
  readonly calls: Call[] = [];
  readonly #clients: Promise<void>[];
  #target: Target | null = null;
  #isStopped = false;

  constructor(
    clients: number,
    private readonly key: string,
    private readonly random: () => number,
  ) {
    this.#clients = Array.from({ length: clients }, () => this.#run());
  }

  /** From now on they call this origin, on new connections; `null`: they wait. */
  async aimAt(origin: string | null): Promise<void> {
    const previous = this.#target;
    this.#target = origin === null ? null : { origin, agent: newAgent(this.#clients.length) };
    // What has arrived from a server that is gone is still read.
    await previous?.agent.close();
  }

  /** Resolves when every call has ended; no new one is begun. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
    await this.aimAt(null);
  }

  get whole(): Call[] {
    return this.calls.filter(({ isWhole }) => isWhole);
  }

  /** Answers that no client may get: a gateway that dies breaks connections, and nothing else. */
  get improper(): Call[] {
    return this.calls.filter(
      ({ status, failure, isWhole }) =>
        (status !== null && status !== 200) || (failure === null && !isWhole),
    );
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const target = this.#target;
      if (target === null) {
        await sleep(RETRY_MS);
        continue;
      }
      const call = this.#newCall();
      try {
        await this.#call(target, call);
      } catch (error) {
        call.failure = error instanceof Error ? error.message : String(error);
      }
      call.endedAt = performance.now();
      if (call.status === null) await sleep(RETRY_MS);
      if (call.status === 503) await sleep(REFUSED_MS);
    }
  }

  #newCall(): Call {
    const call = {
      number: this.calls.length,
      stream: this.random() < 0.4,
      startedAt: performance.now(),
      endedAt: Infinity,
      status: null,
      requestId: null,
      closes: false,
      isWhole: false,
      failure: null,
    };
    this.calls.push(call);
    return call;
  }

  async #call({ origin, agent }: Target, call: Call): Promise<void> {
    const { statusCode, headers, body } = await request(`${origin}/v1/chat/completions`, {
      method: 'POST',
      dispatcher: agent,
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: MODEL,
        messages: [{ role: 'user', content: questionOf(call.number) }],
        ...(call.stream && { stream: true }),
        ...(call.stream && call.number % 2 === 0 && { stream_options: { include_usage: true } }),
      }),
    });
    call.status = statusCode;
    call.requestId = String(headers['x-request-id']);
    call.closes = headers.connection === 'close';
    await this.#read(call, body, Number(headers['content-length']));
  }

  async #read(call: Call, body: Dispatcher.ResponseData['body'], length: number): Promise<void> {
    let text = '';
    for await (const chunk of body.setEncoding('utf8') as AsyncIterable<string>) {
      text += chunk;
      const hasAll = call.stream
        ? text.includes('data: [DONE]\n\n')
        : Buffer.byteLength(text) === length;
      call.isWhole = hasAll && call.status === 200 && text.includes(answerOf(call.number));
    }
  }
}

function newAgent(connections: number): Agent {
  return new Agent({
    connections,
    pipelining: 1,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  });
}
