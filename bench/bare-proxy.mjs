// @ts-check
/**
 * The baseline: the proxy that a competent engineer writes by hand for speed, `node:http` → `undici`, with
 * keep-alive, backpressure and abort, and nothing else: no keys, no limits, no parsing, no metering.
 */
import { createServer } from 'node:http';
import { Pool } from 'undici';

import { listen, serveOrders } from './child.mjs';

const MAX_BODY_BYTES = 32 * 1024 * 1024;
const UPSTREAM_CONNECTIONS = 1024;

/** Pipes one upstream answer to one client. */
class Relay {
  /** @param {import('node:http').ServerResponse} res */
  constructor(res) {
    this.res = res;
    /** @type {import('undici').Dispatcher.DispatchController | undefined} */
    this.controller = undefined;
    res.on('close', () => {
      if (!res.writableFinished) this.controller?.abort(new Error('the client left'));
    });
  }

  /** @param {import('undici').Dispatcher.DispatchController} controller */
  onRequestStart(controller) {
    this.controller = controller;
    if (this.res.destroyed) controller.abort(new Error('the client left'));
  }

  /**
   * @param {import('undici').Dispatcher.DispatchController} _controller
   * @param {number} status
   * @param {import('node:http').IncomingHttpHeaders} headers
   */
  onResponseStart(_controller, status, headers) {
    /** @type {Record<string, string>} */
    const answer = {};
    if (headers['content-type'] !== undefined) answer['content-type'] = headers['content-type'];
    const length = headers['content-length'];
    if (length !== undefined) answer['content-length'] = length;
    this.res.writeHead(status, answer);
    // A stream's head does not wait for its first chunk.
    if (length === undefined) this.res.flushHeaders();
  }

  /**
   * @param {import('undici').Dispatcher.DispatchController} controller
   * @param {Buffer} chunk
   */
  onResponseData(controller, chunk) {
    if (this.res.write(chunk)) return;
    controller.pause();
    this.res.once('drain', () => controller.resume());
  }

  onResponseEnd() {
    this.res.end();
  }

  /**
   * @param {import('undici').Dispatcher.DispatchController} _controller
   * @param {Error} error
   */
  onResponseError(_controller, error) {
    if (this.res.headersSent || this.res.destroyed) this.res.destroy();
    else this.res.writeHead(502, { 'content-type': 'text/plain' }).end(error.message);
  }
}

/**
 * @param {Pool} pool
 * @param {import('node:http').IncomingMessage} req
 * @param {import('node:http').ServerResponse} res
 * @param {Buffer} body
 */
function forward(pool, req, res, body) {
  const { authorization, accept, 'content-type': contentType } = req.headers;
  /** @type {Record<string, string>} */
  const headers = { 'content-type': contentType ?? 'application/json', accept: accept ?? '*/*' };
  if (authorization !== undefined) headers['authorization'] = authorization;
  pool.dispatch(
    { path: req.url ?? '/', method: req.method ?? 'POST', headers, body },
    new Relay(res),
  );
}

/** @param {{ upstreamPort: number }} options */
function start({ upstreamPort }) {
  const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, {
    connections: UPSTREAM_CONNECTIONS,
    pipelining: 1,
    keepAliveTimeout: 60_000,
  });
  const server = createServer((req, res) => {
    /** @type {Buffer[]} */
    const parts = [];
    let size = 0;
    req.on('data', (/** @type {Buffer} */ part) => {
      size += part.length;
      if (size > MAX_BODY_BYTES) req.destroy();
      else parts.push(part);
    });
    req.on('end', () => {
      const [only] = parts;
      const body = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
      forward(pool, req, res, body);
    });
  });
  server.keepAliveTimeout = 300_000;
  return listen(server);
}

serveOrders({ start });
