import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { Answer } from '../../support/app.js';
import { type Behaviour, chunk, completion, DONE } from '../../support/fake-upstream.js';
import {
  MODEL,
  type Stage,
  startStage,
  type UsageEvent,
  usageEvents,
} from '../inference/inference.harness.js';

/** What is reserved: as many input tokens as the body has bytes, and the output that it asks for. */
const MAX_OUTPUT = 100;
const bodyOf = (name: string) => ({
  model: MODEL,
  messages: [{ role: 'user', content: name.padEnd(40) }],
  max_tokens: MAX_OUTPUT,
});
const MAX_INPUT = JSON.stringify(bodyOf('')).length;
const LIMITS = { input_per_minute: 1_000, output_per_minute: 1_000, total_per_day: 1_000 };
const BUDGET_USD = 0.0004;

type Charged = readonly [input: number, output: number];
/** Nothing usable was reported, so the gateway counts the texts: “Hello” is one token. */
const COUNTED = 'counted';
type Next = 'served' | 'rate_limit_exceeded' | 'budget_exceeded';
type Row = readonly [name: string, usage: string | null, charged: Charged | typeof COUNTED, Next];

type Figure = number | string | boolean | null;
const of = (input: Figure, output: Figure, total: Figure = 18): string =>
  `{"prompt_tokens":${input},"completion_tokens":${output},"total_tokens":${total}}`;

/** `usage` as JSON, as the provider writes it. */
const ROWS: readonly Row[] = [
  ['zero', of(0, 0, 0), [0, 0], 'served'],
  ['zero with a sign', of('-0', '-0.0'), [0, 0], 'served'],
  ['what was reserved', of(MAX_INPUT, MAX_OUTPUT), [MAX_INPUT, MAX_OUTPUT], 'served'],
  ['double', of(2 * MAX_INPUT, 2 * MAX_OUTPUT), [2 * MAX_INPUT, 2 * MAX_OUTPUT], 'served'],
  ['all of the day', of(500, 500), [500, 500], 'rate_limit_exceeded'],
  ['more than the day', of(600, 700), [600, 700], 'rate_limit_exceeded'],
  ['more than the minute’s output', of(1, 1_500), [1, 1_500], 'rate_limit_exceeded'],
  ['nearly all of the budget', of(10, 650), [10, 650], 'budget_exceeded'],
  ['more than the budget', of(10, 750), [10, 750], 'budget_exceeded'],
  ['the most', of(1e8, 1e8), [1e8, 1e8], 'rate_limit_exceeded'],
  ['a whole number with a point', of('11.0', '7e0'), [11, 7], 'served'],
  ['one more than the most, of input', of(100_000_001, 7), COUNTED, 'served'],
  ['one more than the most, of output', of(11, 100_000_001), COUNTED, 'served'],
  ['1e18 of input', of('1e18', 7), COUNTED, 'served'],
  ['1e18 of output', of(11, '1e18'), COUNTED, 'served'],
  ['1e18 in all', of('1e18', '1e18', '1e18'), COUNTED, 'served'],
  ['a huge exponent', of('1e400', '-1e400'), COUNTED, 'served'],
  ['negative input', of(-11, 7), COUNTED, 'served'],
  ['negative output', of(11, -7), COUNTED, 'served'],
  ['all negative', of('-1e18', '-1e18', '-1e18'), COUNTED, 'served'],
  ['a fraction of input', of(10.5, 7), COUNTED, 'served'],
  ['a fraction of output', of(11, '1e-9'), COUNTED, 'served'],
  ['texts', of('"11"', '"7"', '"18"'), COUNTED, 'served'],
  ['texts that are no numbers', of('"NaN"', '"Infinity"'), COUNTED, 'served'],
  ['booleans', of(true, false), COUNTED, 'served'],
  ['lists and objects', of('[[[[11]]]]', '{"a":{"b":{"__proto__":{}}}}'), COUNTED, 'served'],
  ['deep lists', of(`${'['.repeat(300)}${']'.repeat(300)}`, 7), COUNTED, 'served'],
  ['nothing at all', null, COUNTED, 'served'],
  ['null', 'null', COUNTED, 'served'],
  ['no members', '{}', COUNTED, 'served'],
  ['a text', '"11 and 7"', COUNTED, 'served'],
  ['a list', '[11,7,18]', COUNTED, 'served'],
  ['null figures', of(null, null, null), COUNTED, 'served'],
  ['input alone', '{"prompt_tokens":11}', COUNTED, 'served'],
  ['output alone', '{"completion_tokens":7}', COUNTED, 'served'],
  ['a total alone', '{"total_tokens":18}', COUNTED, 'served'],
  ['input and total', '{"prompt_tokens":11,"total_tokens":18}', [11, 7], 'served'],
  ['a total below the input', '{"prompt_tokens":11,"total_tokens":3}', COUNTED, 'served'],
  ['a total of 1e18', '{"prompt_tokens":11,"total_tokens":1e18}', COUNTED, 'served'],
  ['a total below its parts', of(11, 7, 3), [11, 7], 'served'],
  ['parts and a total of 1e18', of(11, 7, '1e18'), [11, 7], 'served'],
  ['parts and a negative total', of(11, 7, -18), [11, 7], 'served'],
  ['parts and a text as the total', of(11, 7, '"lots"'), [11, 7], 'served'],
  [
    'details that are garbage',
    '{"prompt_tokens":11,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":-1e18},"completion_tokens_details":[]}',
    [11, 7],
    'served',
  ],
];

/** A provider that answers each call with the usage of the row that the call names. */
const answering: Behaviour = (response, { body }) => {
  const { messages, stream } = JSON.parse(body) as ReturnType<typeof bodyOf> & { stream?: boolean };
  const name = messages[0]!.content.trim();
  const usage = ROWS.find(([row]) => row === name)?.[1] ?? null;
  if (stream) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const last = usage === null ? '' : `data: {"choices":[],"usage":${usage}}\n\n`;
    response.end(chunk({ content: 'Hello' }) + chunk({}, 'stop') + last + DONE);
    return;
  }
  const answer = JSON.stringify({ ...completion('Hello'), usage: undefined });
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(usage === null ? answer : `${answer.slice(0, -1)},"usage":${usage}}`);
};

type Limit = {
  readonly metric: string;
  readonly window: string;
  readonly limit: number;
  readonly used: number;
  readonly reserved: number;
  readonly remaining: number;
};
type Case = { readonly id: string; readonly key: string; readonly answer: Answer };

let stage: Stage;
const cases = new Map<string, Case>();

beforeAll(async () => {
  // The clock stands still, so that no window ends in the middle.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date().setUTCHours(12, 0, 30, 0) });
  stage = await startStage();
  stage.upstream.behave(answering);
  // One after the other: how many may come at once is not the question here.
  for (const stream of [false, true]) {
    for (const [name] of ROWS) {
      const made = await newKey();
      cases.set(`${name} ${stream}`, { ...made, answer: await call(name, stream, made.key) });
    }
  }
});
afterAll(async () => {
  await stage.expectAlive();
  await stage.close();
  vi.useRealTimers();
});

async function newKey(): Promise<{ id: string; key: string }> {
  const { body } = await stage.app.call('POST', '/v1/keys', {
    body: { name: 'limited', rate_limits: { tokens: LIMITS } },
  });
  const { id, key } = body as { id: string; key: string };
  const budget = { scope: 'key', scope_id: id, window: 'monthly', limit: BUDGET_USD };
  expect((await stage.app.call('PUT', '/v1/budgets', { body: budget })).status).toBe(200);
  return { id, key };
}

function call(name: string, stream: boolean, key: string): Promise<Answer> {
  return stage.chat({ ...bodyOf(name), ...(stream && { stream }) }, { key });
}

async function limitsOf(id: string): Promise<Limit[]> {
  const { body } = await stage.app.call('GET', `/v1/keys/${id}/limits`);
  return (body as { data: Limit[] }).data;
}

/** Once nothing is held any more for calls in flight or to come. */
function settledLimitsOf(id: string): Promise<Limit[]> {
  return vi.waitFor(
    async () => {
      const limits = await limitsOf(id);
      expect(limits.map(({ reserved }) => reserved)).toEqual(limits.map(() => 0));
      return limits;
    },
    { timeout: 10_000, interval: 100 },
  );
}

/** What each limit must say is used after a call of which this is the record. */
function usedAfter({ input_tokens: input, output_tokens: output, cost_nanos: cost }: UsageEvent) {
  return {
    'input_tokens a minute': input,
    'output_tokens a minute': output,
    'total_tokens a day': input + output,
    'cost a month': Number(cost) / 1e9,
  };
}

function expectPlausible(answer: Answer, limits: readonly Limit[]): void {
  for (const { limit, used, reserved, remaining } of limits) {
    expect(used).toBeGreaterThanOrEqual(0);
    expect(used).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    expect(reserved).toBeGreaterThanOrEqual(0);
    expect(remaining).toBeGreaterThanOrEqual(0);
    expect(remaining).toBeLessThanOrEqual(limit);
  }
  expect(answer.headers.get('x-ratelimit-remaining-tokens')).toMatch(/^\d+$/);
}

describe.each([
  ['JSON', false],
  ['a stream', true],
])('usage of %s', (_, stream) => {
  it.each(ROWS)('%s', async (name, _usage, charged, next) => {
    const { id, key, answer } = cases.get(`${name} ${stream}`)!;
    expect(answer.status).toBe(200);
    const [record] = await usageEvents(stage.app, key);
    if (charged === COUNTED) {
      expect(record).toMatchObject({ usage_source: 'counted', output_tokens: 1 });
      expect(record!.input_tokens).toBeGreaterThanOrEqual(2);
      expect(record!.input_tokens).toBeLessThan(MAX_INPUT);
    } else {
      const [input_tokens, output_tokens] = charged;
      expect(record).toMatchObject({ usage_source: 'upstream', input_tokens, output_tokens });
    }
    const limits = await settledLimitsOf(id);
    const used = limits.map((limit) => [`${limit.metric} a ${limit.window}`, limit.used]);
    expect(Object.fromEntries(used)).toEqual(usedAfter(record!));
    expectPlausible(answer, limits);
    for (const { limit, used, remaining } of limits) {
      // To the nano-dollar.
      expect(remaining).toBeCloseTo(Math.max(0, limit - used), 9);
    }

    const second = await call(name, stream, key);
    expect(second.status === 200 ? 'served' : codeOf(second)).toBe(next);
    const after = await limitsOf(id);
    expectPlausible(second, after);
    after.forEach(({ used, remaining }, index) => {
      expect(used).toBeGreaterThanOrEqual(limits[index]!.used);
      expect(remaining).toBeLessThanOrEqual(limits[index]!.remaining);
    });
  });
});

function codeOf({ body }: Answer): string {
  return (body as { error: { code: string } }).error.code;
}
