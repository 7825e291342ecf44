// @ts-check
import { BENCH_MODEL } from './latchkey.mjs';
import { LIMITED_MEASURES, PLAIN_MEASURES, STREAM_MEASURES } from './report.mjs';

/**
 * @typedef {object} Scenario
 * @property {string} title
 * @property {KeyName} key
 * @property {string} body the request: about 1 kB of chat
 * @property {number} connections
 * @property {number} pauseMs between a stream's chunks
 * @property {boolean} isNaive of a build that asks the store of limits for each call
 * @property {number} minimumEvents of a stream that counts as whole; 0: the answers are no streams
 * @property {Record<string, import('./report.mjs').Measure>} measures
 */

/** @typedef {'plain' | 'policy' | 'limits' | 'single' | 'stream' | 'paced' | 'naive' | 'audited'} ScenarioName */
/** @typedef {'plain' | 'restricted' | 'limited' | 'audited'} KeyName which of Latchkey's keys calls */

/** @type {readonly ScenarioName[]} */
export const SCENARIO_NAMES = [
  'plain',
  'policy',
  'limits',
  'single',
  'stream',
  'paced',
  'naive',
  'audited',
];

const MESSAGES = [
  {
    role: 'system',
    content:
      'You are the support assistant of a company that sells bicycles. Answer in at most three sentences, in the ' +
      'language of the customer, and never promise a date of delivery. When you are not sure, say so and name the ' +
      'page of the manual where the customer can read on.',
  },
  {
    role: 'user',
    content:
      'Hello! I bought the touring model in March. Since last week the rear derailleur jumps back from the third to ' +
      'the fourth gear whenever I ride uphill. I have cleaned the chain already.',
  },
  {
    role: 'assistant',
    content:
      'That sounds like a cable that has stretched, which is usual in the first months. Turn the barrel adjuster at ' +
      'the derailleur half a turn counter-clockwise and try again.',
  },
  {
    role: 'user',
    content:
      'I did, and it is better now, but not gone. What is the next thing that I should look at?',
  },
];

/**
 * Two pairs, because each figure has one honest setting. Throughput and CPU per request come from a busy system,
 * the latency that a proxy adds from an idle one (a busy closed loop's latency is its throughput, turned over).
 * Chunks as fast as they go show what a stream costs at best, for several share a read; paced like a model's
 * tokens each comes alone.
 *
 * @param {import('./options.mjs').Options} options
 * @returns {Scenario[]} those asked for
 */
export function scenariosOf({ scenarios, connections, chunks, pauseMs, includeUsage }) {
  const request = { model: BENCH_MODEL, messages: MESSAGES, temperature: 0.2, max_tokens: 256 };
  const streamOptions = includeUsage ? { stream_options: { include_usage: true } } : {};
  const plain = {
    key: /** @type {KeyName} */ ('plain'),
    body: JSON.stringify(request),
    connections,
    pauseMs: 0,
    isNaive: false,
    minimumEvents: 0,
    measures: PLAIN_MEASURES,
  };
  const stream = {
    ...plain,
    body: JSON.stringify({ ...request, stream: true, ...streamOptions }),
    minimumEvents: chunks + 1,
    measures: STREAM_MEASURES,
  };
  const limits = {
    ...plain,
    key: /** @type {KeyName} */ ('limited'),
    title: `non-streaming, ${connections} connections, a key with 14 limits`,
    measures: LIMITED_MEASURES,
  };
  /** @type {Record<ScenarioName, Scenario>} */
  const all = {
    plain: { ...plain, title: `non-streaming, ${connections} connections` },
    policy: {
      ...plain,
      key: 'restricted',
      title: `non-streaming, ${connections} connections, a key with a great many rules`,
    },
    limits,
    single: { ...plain, title: 'non-streaming, 1 connection', connections: 1 },
    stream: { ...stream, title: `streaming, ${connections} connections` },
    paced: {
      ...stream,
      title: `streaming, ${connections} connections, a chunk every ${pauseMs} ms`,
      pauseMs,
    },
    naive: {
      ...limits,
      title: `${limits.title}; for comparison, a build that asks the store for each call`,
      isNaive: true,
    },
    audited: {
      ...plain,
      key: 'audited',
      title: `non-streaming, ${connections} connections, a key with log_all_requests`,
    },
  };
  return scenarios.map((name) => all[name]);
}
