// @ts-check
/**
 * The provider of the bench: answers OpenAI's `POST /v1/chat/completions`, streaming and not, from bytes built once and
 * straight from the socket: what it takes of the machine is missing to the proxy before it, which must be the bottleneck.
 * It understands just the requests that the bench's proxies send: HTTP/1.1 with a `content-length`.
 */
import { createServer } from 'node:net';

import { listen, serveOrders } from './child.mjs';

const ID = 'chatcmpl-9nHq3Zc7Wb1LrTfYk5VdXs2Gm8Pj';
const CREATED = 1_767_225_600;
const MODEL = 'bench-model';
const ANSWER =
  'A gateway holds the credentials of every provider in one place, checks what each caller may do, ' +
  'counts what was used and what it cost, and hides an outage of one provider behind another.';

let pauseMs = 0;

/** What Node's own server would say of the connection. Idle ones live longer than the bench's pauses. */
const KEPT = 'Connection: keep-alive\r\nKeep-Alive: timeout=300\r\n';
const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n' +
    `transfer-encoding: chunked\r\n${KEPT}\r\n`,
);
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const NOT_FOUND = Buffer.from(`HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n${KEPT}\r\n`);
const HEAD_END = '\r\n\r\n';

/** @param {number} completionTokens */
function usageOf(completionTokens) {
  const promptTokens = 231;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** @returns {Buffer} head and body */
function buildAnswer() {
  const body = JSON.stringify({
    id: ID,
    object: 'chat.completion',
    created: CREATED,
    model: MODEL,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: ANSWER, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { ...usageOf(42), prompt_tokens_details: { cached_tokens: 0 } },
    system_fingerprint: 'fp_50cad350e4',
  });
  return Buffer.from(
    'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n' +
      `content-length: ${Buffer.byteLength(body)}\r\n${KEPT}\r\n${body}`,
  );
}

/**
 * One server-sent event, already framed as one HTTP chunk (RFC 9112, section 7.1).
 *
 * @param {string} data
 */
function frame(data) {
  const event = Buffer.from(`data: ${data}\n\n`);
  return Buffer.concat([
    Buffer.from(`${event.length.toString(16)}\r\n`),
    event,
    Buffer.from('\r\n'),
  ]);
}

/**
 * @param {unknown[]} choices
 * @param {unknown} usage
 */
function chunkFrame(choices, usage) {
  const head = { id: ID, object: 'chat.completion.chunk', created: CREATED, model: MODEL };
  return frame(JSON.stringify({ ...head, choices, usage }));
}

/**
 * The frames of one stream of `count` chunks: the role, the words, the finish, then `[DONE]`.
 *
 * @param {number} count at least 2
 * @param {boolean} withUsage adds the usage chunk, whose `choices` are empty
 */
function buildStream(count, withUsage) {
  const frames = [];
  for (let index = 0; index < count; index += 1) {
    const last = index === count - 1;
    const word = { content: ` word${String(index).padStart(3, '0')}` };
    const delta =
      index === 0 ? { role: 'assistant', content: '', refusal: null } : last ? {} : word;
    const finish = last ? 'stop' : null;
    frames.push(chunkFrame([{ index: 0, delta, logprobs: null, finish_reason: finish }], null));
  }
  if (withUsage) frames.push(chunkFrame([], usageOf(count)));
  frames.push(frame('[DONE]'));
  return frames;
}

/**
 * Writes each frame in a write of its own, one a turn of the event loop or one every `pauseMs`.
 *
 * @param {import('node:net').Socket} socket
 * @param {readonly Buffer[]} frames
 */
function stream(socket, frames) {
  socket.write(STREAM_HEAD);
  let index = 0;
  const step = () => {
    if (socket.destroyed) return;
    const bytes = frames[index];
    if (bytes === undefined) {
      socket.write(LAST_CHUNK);
      return;
    }
    index += 1;
    if (!socket.write(bytes)) socket.once('drain', step);
    else if (pauseMs > 0) setTimeout(step, pauseMs);
    else setImmediate(step);
  };
  setImmediate(step);
}

/**
 * The first request of `text`, or `null` while it is not whole. One character stands for one byte.
 *
 * @param {string} text
 */
function readRequest(text) {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd === -1) return null;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? '0';
  const bodyStart = headEnd + HEAD_END.length;
  const end = bodyStart + Number(length);
  if (text.length < end) return null;
  const path = text.slice(text.indexOf(' ') + 1, text.indexOf(' ', text.indexOf(' ') + 1));
  return { path, body: text.slice(bodyStart, end), rest: text.slice(end) };
}

/** @param {{ chunks: number }} options */
function start({ chunks }) {
  const answer = buildAnswer();
  const frames = buildStream(chunks, false);
  const framesWithUsage = buildStream(chunks, true);
  const server = createServer({ noDelay: true }, (socket) => {
    let received = '';
    // A proxy that leaves in the middle of a stream resets its connection.
    socket.on('error', () => socket.destroy());
    socket.setEncoding('latin1').on('data', (/** @type {string} */ text) => {
      received += text;
      const request = readRequest(received);
      if (request === null) return;
      received = request.rest;
      if (request.path !== '/v1/chat/completions') socket.write(NOT_FOUND);
      else if (!/"stream"\s*:\s*true/.test(request.body)) socket.write(answer);
      else
        stream(socket, /"include_usage"\s*:\s*true/.test(request.body) ? framesWithUsage : frames);
    });
  });
  return listen(server);
}

/** Milliseconds between the chunks of a stream. @param {number} ms */
function pace(ms) {
  pauseMs = ms;
}

serveOrders({ start, pace });
