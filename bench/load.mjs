// @ts-check
/**
 * The load generator: a closed loop over keep-alive connections, each with one request under way, sent from bytes
 * built once. It is cheap enough (a few microseconds a request) to leave the second core to the provider stub.
 */
import { createHistogram } from 'node:perf_hooks';

import { chatRequest } from './chat-request.mjs';
import { serveOrders } from './child.mjs';
import { HttpConnection } from './http-connection.mjs';

const DRAIN_SECONDS = 30;
const NANOS_PER_MS = 1e6;

/**
 * @typedef {object} RunOptions
 * @property {number} port
 * @property {string} authorization
 * @property {string} body JSON
 * @property {number} connections
 * @property {number} seconds
 * @property {number} minimumEvents of a stream that counts as whole; 0 when the answers are no streams
 */

/**
 * @typedef {object} RunResult
 * @property {number} requests all of them, also those that were under way at the end
 * @property {number} perSecond completed within the time
 * @property {number} p50Ms from the request's first byte to the answer's last
 * @property {number} p99Ms
 * @property {number} firstByteP50Ms to the first byte of the body
 * @property {number} firstByteP99Ms
 * @property {number} events
 * @property {number} reads
 * @property {number} bodyBytes
 */

/** @param {number} ms */
const toNanos = (ms) => Math.max(1, Math.round(ms * NANOS_PER_MS));

class Run {
  latency = createHistogram({ figures: 3 });
  firstByte = createHistogram({ figures: 3 });
  requests = 0;
  inTime = 0;
  events = 0;
  reads = 0;
  bodyBytes = 0;
  underWay = 0;
  endsAt = 0;
  /** @type {HttpConnection[]} */
  connections = [];
  /** @type {(value?: undefined) => void} */
  finish = () => undefined;
  /** @type {(error: Error) => void} */
  fail = () => undefined;

  /** @param {RunOptions} options */
  constructor(options) {
    this.options = options;
    this.bytes = chatRequest(options);
  }

  /** @returns {Promise<RunResult>} */
  async execute() {
    const { port, connections, seconds } = this.options;
    const callbacks = {
      /** @type {import('./http-connection.mjs').Callbacks['onAnswer']} */
      onAnswer: (connection, exchange) => this.#onAnswer(connection, exchange),
      onFailure: (/** @type {Error} */ error) => this.fail(error),
    };
    this.connections = Array.from(
      { length: connections },
      () => new HttpConnection(port, callbacks),
    );
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    try {
      await Promise.all(this.connections.map((connection) => connection.connected()));
      await new Promise((resolve, reject) => {
        this.finish = resolve;
        this.fail = reject;
        timer = setTimeout(
          () => reject(new Error(`${this.underWay} requests were still under way after the drain`)),
          (seconds + DRAIN_SECONDS) * 1000,
        );
        this.endsAt = performance.now() + seconds * 1000;
        for (const connection of this.connections) this.#send(connection);
      });
      return this.#result();
    } finally {
      clearTimeout(timer);
      for (const connection of this.connections) connection.close();
    }
  }

  /** @param {HttpConnection} connection */
  #send(connection) {
    this.underWay += 1;
    connection.send(this.bytes);
  }

  /**
   * @param {HttpConnection} connection
   * @param {import('./http-connection.mjs').Exchange} exchange
   */
  #onAnswer(connection, exchange) {
    const { minimumEvents } = this.options;
    if (minimumEvents > 0 && !isWhole(exchange, minimumEvents)) {
      const tail = JSON.stringify(exchange.tail);
      this.fail(new Error(`a stream was cut: ${exchange.events} events, it ended with ${tail}`));
      return;
    }
    this.underWay -= 1;
    this.requests += 1;
    this.events += exchange.events;
    this.reads += exchange.reads;
    this.bodyBytes += exchange.bodyBytes;
    this.latency.record(toNanos(exchange.endedAt - exchange.sentAt));
    this.firstByte.record(toNanos(exchange.firstByteAt - exchange.sentAt));
    if (exchange.endedAt < this.endsAt) {
      this.inTime += 1;
      this.#send(connection);
    } else if (this.underWay === 0) {
      this.finish();
    }
  }

  /** @returns {RunResult} */
  #result() {
    return {
      requests: this.requests,
      perSecond: this.inTime / this.options.seconds,
      p50Ms: this.latency.percentile(50) / NANOS_PER_MS,
      p99Ms: this.latency.percentile(99) / NANOS_PER_MS,
      firstByteP50Ms: this.firstByte.percentile(50) / NANOS_PER_MS,
      firstByteP99Ms: this.firstByte.percentile(99) / NANOS_PER_MS,
      events: this.events,
      reads: this.reads,
      bodyBytes: this.bodyBytes,
    };
  }
}

/**
 * @param {import('./http-connection.mjs').Exchange} exchange
 * @param {number} minimumEvents
 */
function isWhole(exchange, minimumEvents) {
  return exchange.events >= minimumEvents && exchange.tail.trimEnd().endsWith('data: [DONE]');
}

serveOrders({ run: (/** @type {RunOptions} */ options) => new Run(options).execute() });
