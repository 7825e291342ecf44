// @ts-check
/**
 * The provider of the bench: answers OpenAI's `POST /v1/chat/completions`, streaming and not, from buffers built
 * once, so that the proxy before it is the bottleneck.
 */
import { createServer } from 'node:http';

import { listen, serveOrders } from './child.mjs';

const ID = 'chatcmpl-9nHq3Zc7Wb1LrTfYk5VdXs2Gm8Pj';
const CREATED = 1_767_225_600;
const MODEL = 'bench-model';
const ANSWER =
  'A gateway holds the credentials of every provider in one place, checks what each caller may do, ' +
  'counts what was used and what it cost, and hides an outage of one provider behind another.';

let pauseMs = 0;

const STREAM_HEAD = [
  'content-type',
  'text/event-stream; charset=utf-8',
  'cache-control',
  'no-cache',
  'transfer-encoding',
  'chunked',
];

/** @param {number} completionTokens */
function usageOf(completionTokens) {
  const promptTokens = 231;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

/** @returns {Buffer} */
function buildAnswer() {
  return Buffer.from(
    JSON.stringify({
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
    }),
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
 * Writes each frame in a write of its own, one a turn of the event loop or one every `pauseMs`. The frames go
 * straight to the socket: `res.write` would frame them anew, at a third of the stub's cost.
 *
 * @param {import('node:http').ServerResponse} res
 * @param {readonly Buffer[]} frames
 */
function stream(res, frames) {
  res.sendDate = false;
  res.writeHead(200, STREAM_HEAD);
  res.flushHeaders();
  const socket = /** @type {import('node:net').Socket} */ (res.socket);
  let index = 0;
  const step = () => {
    if (res.destroyed || socket.destroyed) return;
    const bytes = frames[index];
    if (bytes === undefined) {
      res.end();
      return;
    }
    index += 1;
    if (!socket.write(bytes)) socket.once('drain', step);
    else if (pauseMs > 0) setTimeout(step, pauseMs);
    else setImmediate(step);
  };
  setImmediate(step);
}

/** @param {{ chunks: number }} options */
function start({ chunks }) {
  const plain = buildAnswer();
  const plainHead = ['content-type', 'application/json', 'content-length', String(plain.length)];
  const frames = buildStream(chunks, false);
  const framesWithUsage = buildStream(chunks, true);
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('latin1');
    req.on('data', (/** @type {string} */ text) => (body += text));
    req.on('end', () => {
      if (req.url !== '/v1/chat/completions') {
        res.writeHead(404).end();
      } else if (/"stream"\s*:\s*true/.test(body)) {
        stream(res, /"include_usage"\s*:\s*true/.test(body) ? framesWithUsage : frames);
      } else {
        res.sendDate = false;
        res.writeHead(200, plainHead).end(plain);
      }
    });
  });
  // Idle connections live longer than the bench's pauses, or a proxy would be blamed for a reset.
  server.keepAliveTimeout = 300_000;
  return listen(server);
}

/** Milliseconds between the chunks of a stream. @param {number} ms */
function pace(ms) {
  pauseMs = ms;
}

serveOrders({ start, pace });
