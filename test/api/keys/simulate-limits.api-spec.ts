import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { TokenCounter } from '#modules/inference/metering/token-counter.js';
import { exactInputTokens } from '#modules/inference/request/counted-input.js';
import { parseInferenceRequest } from '#modules/inference/request/inference-request.js';
import { CHAT_COMPLETIONS } from '#modules/inference/surface.js';

import { codeOf } from '../../support/app.js';
import { answerJson, completion } from '../../support/fake-upstream.js';
import { MESSAGES, MODEL, type Stage, startStage } from '../inference/inference.harness.js';

type Entry = {
  readonly rule: string;
  readonly outcome: string;
  readonly detail: string;
  readonly limit?: { readonly metric: string; readonly window: string; readonly remaining: number };
};
type Simulated = {
  readonly decision: string;
  readonly status: number;
  readonly code: string | null;
  readonly trace: readonly Entry[];
};
type Key = { readonly id: string; readonly key: string };

const counter = new TokenCounter();
await counter.onModuleInit();

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

async function make(rate_limits: object, fields: object = {}): Promise<Key> {
  const body = { name: 'limited', rate_limits, ...fields };
  const made = await stage.app.call('POST', '/v1/keys', { body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Key;
}

async function simulate({ id }: Key, body: object): Promise<Simulated> {
  const answer = await stage.app.call('POST', `/v1/keys/${id}/simulate`, { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Simulated;
}

function limitsIn({ trace }: Simulated): readonly Entry[] {
  return trace.filter(({ rule }) => rule === 'limit');
}

async function consume({ key }: Key, amounts: object): Promise<void> {
  const body = { key, consume: amounts };
  const answer = await stage.app.call('POST', '/v1/keys/verify', { body });
  expect(answer.body).toMatchObject({ valid: true });
}

type Fields = { readonly model?: string; readonly max_tokens?: number };

/** All that there is to say of a call, its input as it is counted where it must be. */
function described(fields: Fields): Record<string, unknown> {
  const body = { model: MODEL, messages: MESSAGES, ...fields };
  const request = parseInferenceRequest(Buffer.from(JSON.stringify(body)), CHAT_COMPLETIONS);
  const target = { upstreamModel: 'upstream-model', contextLength: null };
  const input_tokens = exactInputTokens(request, target, counter);
  return { model: body.model, ...fields, input_tokens };
}

/** Simulates a call, makes it, and holds the one against the other. */
async function expectSame(key: Key, fields: Fields): Promise<Simulated> {
  const simulated = await simulate(key, described(fields));
  const answer = await stage.chat(fields, { key: key.key });
  expect([simulated.status, simulated.code]).toEqual([answer.status, codeOf(answer) ?? null]);
  expect(simulated.decision).toBe(answer.status === 200 ? 'allow' : 'deny');
  const lowered = /lowered to (\d+)/.exec(JSON.stringify(simulated.trace))?.[1];
  expect(lowered ?? null).toBe(answer.headers.get('x-latchkey-max-tokens'));
  return simulated;
}

/** What the input of the call costs and counts, below. */
const INPUT = described({ max_tokens: 1000 }).input_tokens as number;
const INPUT_NANOS = INPUT * 150;
const usd = (nanos: number): string => (nanos / 1e9).toFixed(9);

type Row = {
  readonly what: string;
  readonly limits: object;
  readonly before?: object;
  readonly fields?: Fields;
  readonly code: string | null;
  readonly lowered?: number;
};
const ROWS: readonly Row[] = [
  { what: 'room', limits: { requests: { per_day: 2 } }, before: {}, code: null },
  { what: 'none', limits: { requests: { per_day: 1 } }, before: {}, code: 'rate_limit_exceeded' },
  {
    what: 'none in a minute, room in a day',
    limits: { requests: { per_minute: 3, per_day: 9 } },
    before: { requests: 3 },
    code: 'rate_limit_exceeded',
  },
  {
    what: 'a burst that is spent',
    limits: { requests: { per_second: 1, burst_size: 500 } },
    before: { requests: 490 },
    code: null,
  },
  {
    what: 'input that just fits a minute',
    limits: { tokens: { input_per_minute: INPUT } },
    code: null,
  },
  {
    what: 'input that does not',
    limits: { tokens: { input_per_minute: INPUT - 1 } },
    code: 'rate_limit_exceeded',
  },
  {
    what: 'output that fits a minute',
    limits: { tokens: { output_per_minute: 1_000 } },
    code: null,
  },
  {
    what: 'a minute without output',
    limits: { tokens: { output_per_minute: 9 } },
    before: { output_tokens: 9 },
    code: 'rate_limit_exceeded',
  },
  {
    what: 'tokens that just fit',
    limits: { tokens: { total_per_day: INPUT + 1_000 } },
    code: null,
  },
  {
    what: 'tokens with less output',
    limits: { tokens: { total_per_day: INPUT + 999 } },
    code: null,
    lowered: 999,
  },
  {
    what: 'tokens with the least output',
    limits: { tokens: { total_per_day: INPUT + 256 } },
    code: null,
    lowered: 256,
  },
  {
    what: 'tokens with too little',
    limits: { tokens: { total_per_day: INPUT + 255 } },
    code: 'rate_limit_exceeded',
  },
  {
    what: 'tokens with as little as the key allows',
    limits: { tokens: { total_per_day: INPUT + 10, min_output: 10 } },
    code: null,
    lowered: 10,
  },
  {
    what: 'money that just fits',
    limits: { costs: { per_day_max: usd(INPUT_NANOS + 600_000) } },
    code: null,
  },
  {
    what: 'money for less output',
    limits: { costs: { per_month_max: usd(INPUT_NANOS + 300_000) } },
    code: null,
    lowered: 500,
  },
  {
    what: 'money for too little',
    limits: { costs: { per_hour_max: usd(INPUT_NANOS + 255 * 600) } },
    code: 'budget_exceeded',
  },
  {
    what: 'money that is spent',
    limits: { costs: { per_day_max: '0.5' } },
    before: { cost_usd: '0.5' },
    code: 'budget_exceeded',
  },
  {
    what: 'money that is spent, and a free model',
    limits: { costs: { per_day_max: '0.5' } },
    before: { cost_usd: '0.5' },
    fields: { model: 'sandbox/echo', max_tokens: 10 },
    code: null,
  },
  {
    what: 'one call’s own limit',
    limits: { costs: { per_request_max: usd(INPUT_NANOS + 600_000) } },
    code: null,
  },
  {
    what: 'one call’s own limit, with less output',
    limits: { costs: { per_request_max: usd(INPUT_NANOS + 300 * 600) } },
    code: null,
    lowered: 300,
  },
  {
    what: 'one call’s own limit, too low',
    limits: { costs: { per_request_max: usd(INPUT_NANOS) } },
    code: 'budget_exceeded',
  },
  {
    what: 'one call’s own limit, and a lower one of a day',
    limits: {
      costs: {
        per_request_max: usd(INPUT_NANOS + 600 * 600),
        per_day_max: usd(INPUT_NANOS + 300_000),
      },
    },
    code: null,
    lowered: 500,
  },
  {
    what: 'tokens that would fit, and no request left',
    limits: { requests: { per_hour: 1 }, tokens: { total_per_day: INPUT + 500 } },
    before: {},
    code: 'rate_limit_exceeded',
  },
  {
    what: 'the first of several that lack',
    limits: { tokens: { total_per_day: INPUT }, costs: { per_day_max: usd(10) } },
    code: 'rate_limit_exceeded',
  },
  {
    what: 'a request that asks for less than the least',
    limits: { tokens: { total_per_day: INPUT + 3 } },
    fields: { max_tokens: 3 },
    code: null,
  },
];

describe('what is simulated is what becomes of the real call', () => {
  it.each(ROWS)('$what', async ({ limits, before, fields, code, lowered }) => {
    const key = await make(limits);
    if (before) await consume(key, before);
    const simulated = await expectSame(key, fields ?? { max_tokens: 1_000 });
    expect(simulated.code).toBe(code);
    const text = JSON.stringify(limitsIn(simulated));
    expect(/lowered to (\d+)/.exec(text)?.[1]).toBe(lowered === undefined ? lowered : `${lowered}`);
    const denied = limitsIn(simulated).filter(({ outcome }) => outcome === 'deny');
    expect(denied.length > 0).toBe(code !== null);
  });

  it('with budgets, and limits of the model', async () => {
    const cost_limits = {
      'cloud/*': { max_requests_per_day: 1 },
      'sandbox/*': { max_requests_per_day: 9 },
    };
    const key = await make({}, { permissions: { models: { cost_limits } } });
    const budget = { scope: 'key', scope_id: key.id, window: 'daily', limit: 1 };
    await stage.app.call('PUT', '/v1/budgets', { body: budget });
    const first = await expectSame(key, { max_tokens: 10 });
    expect(limitsIn(first).map(({ outcome, limit }) => [outcome, limit?.metric])).toEqual([
      ['allow', 'requests'],
      ['allow', 'cost'],
    ]);
    expect((await expectSame(key, { max_tokens: 10 })).code).toBe('rate_limit_exceeded');
    expect((await expectSame(key, { model: 'sandbox/echo', max_tokens: 10 })).code).toBeNull();
  });

  it('with calls that run, and a line in which to wait for them', async () => {
    const parallel = { max_parallel_requests: 1 };
    const strict = await make({ concurrency: parallel });
    const patient = await make({ concurrency: { ...parallel, max_queued_requests: 1 } });
    for (const key of [strict, patient]) {
      let answer!: () => void;
      const arrived = new Promise<void>((resolve) => {
        stage.upstream.behave((response, received, request) => {
          answer = () => answerJson(200, completion())(response, received, request);
          resolve();
        });
      });
      const running = stage.chat({ max_tokens: 10 }, { key: key.key });
      await arrived;
      stage.upstream.behave(answerJson(200, completion()));
      if (key === strict) {
        expect((await expectSame(key, { max_tokens: 10 })).code).toBe('concurrency_limit_exceeded');
      } else {
        const [entry] = limitsIn(await simulate(key, described({ max_tokens: 10 })));
        expect(entry?.detail).toContain('would wait in line');
        const waiting = stage.chat({ max_tokens: 10 }, { key: key.key });
        await vi.waitFor(async () => {
          const full = await simulate(key, described({ max_tokens: 10 }));
          expect(full.code).toBe('concurrency_limit_exceeded');
        });
        const refused = await stage.chat({ max_tokens: 10 }, { key: key.key });
        expect(codeOf(refused)).toBe('concurrency_limit_exceeded');
        answer();
        expect((await waiting).status).toBe(200);
      }
      if (key === strict) answer();
      await running;
    }
  });
});

describe('the entries of limits', () => {
  const limits = {
    requests: { per_day: 10 },
    tokens: { input_per_minute: 5_000, output_per_minute: 500, total_per_day: 9_000 },
    costs: { per_day_max: 1, per_request_max: 0.5 },
    concurrency: { max_parallel_requests: 2 },
  };
  const outcomes = (simulated: Simulated): Record<string, string> =>
    Object.fromEntries(
      limitsIn(simulated).map(({ limit, outcome }) => [limit?.metric ?? 'one call', outcome]),
    );

  it('say what the call takes, and how each limit stands', async () => {
    const key = await make(limits);
    await consume(key, { requests: 3, input_tokens: 100, cost_usd: 0.25 });
    const simulated = await simulate(key, { model: MODEL, input_tokens: 1_000, max_tokens: 400 });
    const details = limitsIn(simulated).map(({ detail }) => detail.replace(/2\d{3}-\S+Z/, 'TIME'));
    expect(details).toEqual([
      'One call of this API key may cost 0.5 USD at most. This one may cost 0.00039 USD.',
      'The limit of 10 requests per day of this API key: 3 used, 0 held, 7 left, until TIME. The call takes 1.',
      'The limit of 5000 input tokens per minute of this API key: 100 used, 0 held, 4900 left, until TIME. The call takes 1000 at most.',
      'The limit of 500 output tokens per minute of this API key: 0 used, 0 held, 500 left, until TIME. The call takes 400 at most.',
      'The limit of 9000 total tokens per day of this API key: 100 used, 0 held, 8900 left, until TIME. The call takes 1400 at most.',
      'The budget of 1 USD per day of this API key: 0.25 used, 0 held, 0.75 USD left, until TIME. The call takes 0.00039 USD at most.',
      'The limit of 2 parallel requests of this API key: 0 used, 0 held, 2 left. The call takes 1.',
    ]);
    expect(new Set(Object.values(outcomes(simulated)))).toEqual(new Set(['allow']));
    expect(limitsIn(simulated)[1]?.limit).toMatchObject({ window: 'day', remaining: 7 });
  });

  it('ask for the model, and then for the input, where they need it', async () => {
    const key = await make(limits);
    const unknown = 'not_evaluated';
    const known = { requests: 'allow', parallel_requests: 'allow' };
    const ofTokens = { input_tokens: unknown, total_tokens: unknown, cost: unknown };
    expect(outcomes(await simulate(key, {}))).toEqual({
      ...known,
      ...ofTokens,
      output_tokens: unknown,
      'one call': unknown,
    });
    expect(outcomes(await simulate(key, { model: MODEL, max_tokens: 10 }))).toEqual({
      ...known,
      ...ofTokens,
      output_tokens: 'allow',
      'one call': unknown,
    });
    expect(outcomes(await simulate(key, { model: 'sandbox/echo', max_tokens: 600 }))).toEqual({
      ...known,
      ...ofTokens,
      cost: 'allow',
      'one call': 'allow',
      // What a call takes of it depends on what others used lately.
      output_tokens: unknown,
    });
  });

  it('refuse what is sure not to fit, however little is said', async () => {
    const key = await make({ costs: { per_day_max: '0.0001' } });
    const request = { model: MODEL, max_tokens: 255 };
    expect((await simulate(key, request)).code).toBe('budget_exceeded');
    await consume(key, { cost_usd: '0.0001' });
    expect((await simulate(key, {})).code).toBe('budget_exceeded');
  });

  it('say that no limit looks at a route that calls no model, or has none to look with', async () => {
    const key = await make({ requests: { per_day: 1 } });
    await consume(key, {});
    const models = await simulate(key, { method: 'GET', path: '/v1/models' });
    expect([models.code, limitsIn(models)]).toEqual([
      null,
      [{ rule: 'limit', outcome: 'not_evaluated', detail: 'Limits look at calls to models only.' }],
    ]);
    expect(limitsIn(await simulate(await make({}), { model: MODEL }))).toMatchObject([
      { outcome: 'not_restricted' },
    ]);
  });

  it('take nothing', async () => {
    const key = await make({ requests: { per_day: 1 } });
    for (let turn = 0; turn < 5; turn++) await simulate(key, described({ max_tokens: 10 }));
    expect((await expectSame(key, { max_tokens: 10 })).code).toBeNull();
  });
});
