// @ts-check
/**
 * So many requests a second over the proxy, whatever becomes of those before. How long each took counts from when it was due, so that
 * what waits behind a slow one is slow too. A process of its own, which takes the bench's orders.
 */
import { createHistogram } from 'node:perf_hooks';

import { chatRequest } from './chat-request.mjs';
import { serveOrders } from './child.mjs';
import { HttpConnection } from './http-connection.mjs';

const NANOS_PER_MS = 1e6;
const MAX_CONNECTIONS = 256;
const DRAIN_MS = 10_000;

/**
 * @typedef {{ port: number, authorization: string, body: string, perSecond: number }} SteadyOptions
 * @typedef {{ requests: number, p50Ms: number, p99Ms: number, maxMs: number }} SteadyResult
 */

class SteadyRun {
  latency = createHistogram({ figures: 3 });
  begun = 0;
  requests = 0;
  connections = 0;
  /** @type {HttpConnection[]} */
  idle = [];
  /** When each that waits was due. @type {number[]} */
  waiting = [];
  /** @type {Map<HttpConnection, number>} */
  dueAt = new Map();
  /** @type {Error | null} */
  failure = null;
  startedAt = performance.now();

  /** @param {SteadyOptions} options */
  constructor(options) {
    this.options = options;
    this.bytes = chatRequest(options);
    this.timer = setInterval(() => this.#turn(), 1);
  }

  #turn() {
    const { perSecond } = this.options;
    const due = Math.floor(((performance.now() - this.startedAt) / 1_000) * perSecond);
    for (; this.begun < due; this.begun++) {
      this.waiting.push(this.startedAt + ((this.begun + 1) / perSecond) * 1_000);
    }
    while (this.waiting.length > 0) {
      // In turns: the server closes those that are not used for long.
      const connection = this.idle.shift();
      if (connection !== undefined) this.#send(connection);
      else return this.#connect();
    }
  }

  #connect() {
    if (this.connections >= MAX_CONNECTIONS) return;
    this.connections += 1;
    const connection = new HttpConnection(this.options.port, {
      onAnswer: (one, exchange) => this.#onAnswer(one, exchange.endedAt),
      onFailure: (error) => this.#fail(error),
    });
    connection.connected().then(
      () => {
        this.idle.push(connection);
        this.#turn();
      },
      (error) => this.#fail(error),
    );
  }

  /** @param {HttpConnection} connection */
  #send(connection) {
    this.dueAt.set(connection, /** @type {number} */ (this.waiting.shift()));
    connection.send(this.bytes);
  }

  /** @param {HttpConnection} connection @param {number} endedAt */
  #onAnswer(connection, endedAt) {
    const dueAt = this.dueAt.get(connection) ?? endedAt;
    this.dueAt.delete(connection);
    this.latency.record(Math.max(1, Math.round((endedAt - dueAt) * NANOS_PER_MS)));
    this.requests += 1;
    this.idle.push(connection);
  }

  /** @param {Error} error */
  #fail(error) {
    this.failure ??= error;
  }

  /** Figures since the last time. @returns {SteadyResult} */
  take() {
    if (this.failure) throw this.failure;
    const result = {
      requests: this.requests,
      p50Ms: this.latency.percentile(50) / NANOS_PER_MS,
      p99Ms: this.latency.percentile(99) / NANOS_PER_MS,
      maxMs: this.latency.max / NANOS_PER_MS,
    };
    this.latency.reset();
    this.requests = 0;
    return result;
  }

  /** @returns {Promise<SteadyResult>} once all have their answer */
  async stop() {
    clearInterval(this.timer);
    const giveUpAt = performance.now() + DRAIN_MS;
    while (this.dueAt.size > 0 && performance.now() < giveUpAt) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const connection of [...this.idle, ...this.dueAt.keys()]) connection.close();
    return this.take();
  }
}

/** @type {SteadyRun | null} */
let run = null;

serveOrders({
  start: (/** @type {SteadyOptions} */ options) => {
    run = new SteadyRun(options);
  },
  take: () => run?.take(),
  stop: () => run?.stop(),
});
