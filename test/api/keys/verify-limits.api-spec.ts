import { readFileSync } from 'node:fs';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { answerJson, completion } from '../../support/fake-upstream.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';
import { MODEL, type Stage, startStage } from '../inference/inference.harness.js';

type Limit = {
  readonly metric: string;
  readonly window: string;
  readonly model: string | null;
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
};
type Verified = {
  readonly valid: boolean;
  readonly code: string | null;
  readonly limits?: readonly Limit[];
};
type Key = { readonly id: string; readonly key: string };

let stage: Stage;
let second: TestApp;
beforeAll(async () => {
  stage = await startStage();
  second = await startTestApp({ besides: stage.app });
});
afterAll(async () => {
  await second.close();
  await stage.close();
});

async function make(rate_limits: object, fields: object = {}): Promise<Key> {
  const body = { name: 'limited', rate_limits, ...fields };
  const made = await stage.app.call('POST', '/v1/keys', { body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Key;
}

async function verify(body: object, app = stage.app, key?: string): Promise<Verified> {
  const call = { body, ...(key !== undefined && { key }) };
  const answer = await app.call('POST', '/v1/keys/verify', call);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Verified;
}

async function limitsOf({ id }: Key): Promise<readonly Limit[]> {
  const { body } = await stage.app.call('GET', `/v1/keys/${id}/limits`);
  return (body as { data: Limit[] }).data;
}

/** What is left, by metric and window. */
function left(limits: readonly Limit[] = []): Record<string, number> {
  return Object.fromEntries(
    limits.map(({ metric, window, remaining }) => [`${metric} a ${window}`, remaining]),
  );
}

const PER_DAY = { requests: { per_day: 3 }, costs: { per_day_max: '1' } };

describe('the limits in the answer', () => {
  it('are those of the key and its budgets, as they are shown for the key', async () => {
    const key = await make(PER_DAY);
    const budget = { scope: 'key', scope_id: key.id, window: 'weekly', limit: 2 };
    await stage.app.call('PUT', '/v1/budgets', { body: budget });
    await verify({ key: key.key, consume: { requests: 2, cost_usd: 0.25 } });
    const { valid, code, limits } = await verify({ key: key.key });
    expect([valid, code]).toEqual([true, null]);
    expect(limits).toEqual(await limitsOf(key));
    expect(left(limits)).toEqual({ 'requests a day': 1, 'cost a day': 0.75, 'cost a week': 1.75 });
  });

  it('are those of the model that is named, where one is', async () => {
    const cost_limits = {
      'sandbox/*': { max_requests_per_day: 5 },
      'cloud/*': { max_requests_per_day: 7 },
    };
    const { key } = await make({}, { permissions: { models: { cost_limits } } });
    const limitsFor = async (request?: object) =>
      (await verify({ key, ...(request && { request }) })).limits?.map(({ limit }) => limit).sort();
    expect(await limitsFor()).toEqual([5, 7]);
    expect(await limitsFor({})).toEqual([5, 7]);
    expect(await limitsFor({ model: 'sandbox/echo' })).toEqual([5]);
    expect(await limitsFor({ model: MODEL })).toEqual([7]);
  });

  it('are not told of a key that is refused for another reason', async () => {
    const { key } = await make(PER_DAY, { permissions: { models: ['sandbox/echo'] } });
    const answer = await verify({ key, request: { model: 'sandbox/lorem' } });
    expect(answer.code).toBe('model_not_allowed');
    expect(answer).not.toHaveProperty('limits');
  });
});

describe('a limit that is used up', () => {
  const tokens = { tokens: { total_per_day: 100 } };
  it.each<[object, object, object, string | null]>([
    [{ requests: { per_day: 1 } }, { requests: 1 }, {}, 'rate_limit_exceeded'],
    [{ requests: { per_second: 1 } }, {}, {}, 'rate_limit_exceeded'],
    [{ requests: { per_minute: 2 } }, { requests: 1 }, {}, null],
    [{ requests: { per_day: 1 } }, { requests: 1 }, { method: 'GET', path: '/v1/models' }, null],
    [tokens, { input_tokens: 60, output_tokens: 40 }, {}, 'rate_limit_exceeded'],
    [tokens, { input_tokens: 60 }, {}, null],
    [tokens, { input_tokens: 60 }, { model: MODEL, max_tokens: 41 }, 'rate_limit_exceeded'],
    [{ costs: { per_day_max: 0.1 } }, { cost_usd: '0.1' }, {}, 'budget_exceeded'],
    [{ costs: { per_day_max: 0.1 } }, { cost_usd: '0.1' }, { model: MODEL }, 'budget_exceeded'],
    [{ costs: { per_day_max: 0.1 } }, { cost_usd: '0.1' }, { model: 'sandbox/echo' }, null],
  ])('of %j, after %j, for %j: %s', async (limits, consume, request, code) => {
    const { key } = await make(limits);
    expect((await verify({ key, consume })).code).toBeNull();
    const answer = await verify({ key, request });
    expect([answer.valid, answer.code]).toEqual([code === null, code]);
    expect(answer.limits).toHaveLength(1);
  });

  it('makes the key invalid also where nothing is said of a request', async () => {
    const { key } = await make({ requests: { per_day: 1 } });
    await verify({ key, consume: {} });
    expect(await verify({ key })).toMatchObject({ valid: false, code: 'rate_limit_exceeded' });
  });

  it('can be that of parallel requests', async () => {
    const { key } = await make({ concurrency: { max_parallel_requests: 1 } });
    const finish = await slowCall(key);
    expect((await verify({ key })).code).toBe('concurrency_limit_exceeded');
    // Nothing that is consumed runs.
    expect((await verify({ key, consume: {} })).code).toBeNull();
    await finish();
    await vi.waitFor(async () => expect((await verify({ key })).code).toBeNull());
  });
});

/** A call that runs until it is told to end. */
async function slowCall(key: string): Promise<() => Promise<Answer>> {
  let answer!: () => void;
  const arrived = new Promise<void>((resolve) => {
    stage.upstream.behave((response, received, request) => {
      answer = () => answerJson(200, completion())(response, received, request);
      resolve();
    });
  });
  const call = stage.chat({ max_tokens: 10 }, { key });
  await arrived;
  stage.upstream.behave(answerJson(200, completion()));
  return () => {
    answer();
    return call;
  };
}

describe('consuming', () => {
  it('takes one request unless another number is said, and what else is named', async () => {
    const { key } = await make({
      requests: { per_day: 10 },
      tokens: { input_per_minute: 1_000, output_per_minute: 1_000, total_per_day: 1_000 },
      costs: { per_day_max: 1 },
    });
    await verify({ key, consume: {} });
    await verify({ key, consume: { requests: 0, cost_usd: '0.000000001' } });
    const consume = { requests: 2, input_tokens: 30, output_tokens: 12, cost_usd: 0.25 };
    const { limits } = await verify({ key, consume });
    expect(left(limits)).toEqual({
      'requests a day': 7,
      'input_tokens a minute': 970,
      'output_tokens a minute': 988,
      'total_tokens a day': 958,
      'cost a day': 0.749999999,
    });
    for (const { used, limit, remaining } of limits ?? []) {
      expect(used + remaining).toBeCloseTo(limit, 9);
    }
  });

  it('takes all together or nothing', async () => {
    const { key } = await make(PER_DAY);
    const refused = await verify({ key, consume: { requests: 2, cost_usd: 1.5 } });
    expect([refused.valid, refused.code]).toEqual([false, 'budget_exceeded']);
    expect(left(refused.limits)).toEqual({ 'requests a day': 3, 'cost a day': 1 });
    expect((await verify({ key, consume: { requests: 4 } })).code).toBe('rate_limit_exceeded');
    expect((await verify({ key, consume: { requests: 3, cost_usd: 1 } })).code).toBeNull();
  });

  it('takes of the limits of the model that is named, and of no other', async () => {
    const cost_limits = {
      'sandbox/*': { max_requests_per_day: 2 },
      'cloud/*': { max_requests_per_day: 2 },
    };
    const { key } = await make({}, { permissions: { models: { cost_limits } } });
    const consume = { requests: 2 };
    expect((await verify({ key, request: { model: 'sandbox/echo' }, consume })).code).toBeNull();
    expect((await verify({ key, request: { model: 'sandbox/lorem' }, consume: {} })).code).toBe(
      'rate_limit_exceeded',
    );
    expect((await verify({ key, request: { model: MODEL }, consume })).code).toBeNull();
    // Of those of all models, where none is named; there are none here.
    expect((await verify({ key, consume })).code).toBeNull();
  });

  it('takes nothing without it, nor of a key that is refused for any reason', async () => {
    const key = await make(PER_DAY, { permissions: { models: ['sandbox/echo'] } });
    const bodies = [
      {},
      { request: { model: 'sandbox/echo' } },
      { request: { model: 'sandbox/lorem' }, consume: {} },
      { request: { path: '/nowhere' }, consume: {} },
    ];
    for (const body of bodies) await verify({ key: key.key, ...body });
    await stage.app.call('POST', `/v1/keys/${key.id}/disable`, { body: {} });
    expect((await verify({ key: key.key, consume: {} })).code).toBe('key_disabled');
    expect(left(await limitsOf(key))).toEqual({ 'requests a day': 3, 'cost a day': 1 });
  });

  it('takes nothing of a key of another organization, which is answered as no key at all', async () => {
    const key = await make(PER_DAY);
    await verify({ key: key.key });
    const client = new pg.Client({ connectionString: stage.app.databaseUrl });
    await client.connect();
    const theirs = newId('organization');
    await client.query(`INSERT INTO organizations (id, name) VALUES ($1, 'Theirs')`, [theirs]);
    await client.query('UPDATE api_keys SET organization_id = $1 WHERE id = $2', [theirs, key.id]);
    await client.query(`DELETE FROM allowance_windows WHERE allowance LIKE '%${key.id}%'`);
    // An instance that has not seen it before.
    const answer = await verify({ key: key.key, consume: {} }, second);
    expect(answer).toEqual({ valid: false, code: 'invalid_api_key' });
    const { rows } = await client.query(
      `SELECT FROM allowance_windows WHERE allowance LIKE '%${key.id}%'`,
    );
    await client.end();
    expect(rows).toEqual([]);
  });

  it('needs the right to write keys besides that to read them', async () => {
    const key = await make(PER_DAY);
    const reader = await stage.app.keyWith({ scopes: ['keys:read'] });
    const call = { body: { key: key.key, consume: {} }, key: reader };
    const answer = await stage.app.call('POST', '/v1/keys/verify', call);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'insufficient_scope']);
    expect(answer.body).toMatchObject({ error: { param: 'consume' } });
    expect(left(await limitsOf(key))['requests a day']).toBe(3);
    const writer = await stage.app.keyWith({ scopes: ['keys:read', 'keys:write'] });
    const consume = { requests: 1 };
    expect((await verify({ key: key.key, consume }, stage.app, writer)).code).toBeNull();
  });

  it.each([
    [{ requests: -1 }, 'consume.requests'],
    [{ requests: 1.5 }, 'consume.requests'],
    [{ requests: 1_000_001 }, 'consume.requests'],
    [{ requests: 'many' }, 'consume.requests'],
    [{ input_tokens: 2 ** 31 }, 'consume.input_tokens'],
    [{ output_tokens: -1 }, 'consume.output_tokens'],
    [{ cost_usd: -0.1 }, 'consume.cost_usd'],
    [{ cost_usd: 9_000_001 }, 'consume.cost_usd'],
    [{ cost_usd: '0.0000000001' }, 'consume.cost_usd'],
    [{ parallel_requests: 1 }, 'consume.parallel_requests'],
    [[], 'consume'],
    [5, 'consume'],
  ])('%j is a 400 that names %s', async (consume, param) => {
    const { key } = await make(PER_DAY);
    const answer = await stage.app.call('POST', '/v1/keys/verify', { body: { key, consume } });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  it('does not wait for, or stand in the way of, calls that wait in line', async () => {
    const { key } = await make({
      requests: { per_day: 3 },
      concurrency: { max_parallel_requests: 1, max_queued_requests: 5 },
    });
    const finish = await slowCall(key);
    const waiting = stage.chat({ max_tokens: 10 }, { key });
    await vi.waitFor(async () => {
      const answer = await verify({ key, consume: { requests: 0 } });
      expect(left(answer.limits)['requests a day']).toBe(2);
    });
    expect((await verify({ key, consume: {} })).code).toBeNull();
    expect((await finish()).status).toBe(200);
    expect((await waiting).status).toBe(200);
  });
});

describe('one account', () => {
  it('is shared by calls and by what is consumed', async () => {
    const { key } = await make({ requests: { per_day: 3 } });
    expect((await stage.chat({ max_tokens: 10 }, { key })).status).toBe(200);
    expect((await verify({ key, consume: { requests: 2 } })).code).toBeNull();
    expect(codeOf(await stage.chat({ max_tokens: 10 }, { key }))).toBe('rate_limit_exceeded');
    expect((await verify({ key, consume: {} })).code).toBe('rate_limit_exceeded');
  });

  it('is exact over instances, however many consume at once', async () => {
    const { key } = await make({ requests: { per_day: 20 } });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        verify({ key, consume: {} }, at % 2 === 0 ? stage.app : second),
      ),
    );
    expect(answers.filter(({ valid }) => valid)).toHaveLength(20);
    const codes = new Set(answers.map(({ code }) => code));
    expect(codes).toEqual(new Set([null, 'rate_limit_exceeded']));
    for (const app of [stage.app, second]) {
      const after = await verify({ key, consume: {} }, app);
      expect(after.code).toBe('rate_limit_exceeded');
      expect(after.limits).toMatchObject([{ limit: 20, remaining: 0 }]);
    }
  });

  it('is whole after a refusal, on all instances within a second or so', async () => {
    const { key } = await make({ requests: { per_day: 20 }, costs: { per_day_max: 1 } });
    const greedy = { requests: 15, cost_usd: 2 };
    expect((await verify({ key, consume: greedy })).code).toBe('budget_exceeded');
    await vi.waitFor(
      async () => {
        const { code } = await verify({ key, consume: { requests: 20, cost_usd: 1 } }, second);
        expect(code).toBeNull();
      },
      { timeout: 5_000, interval: 200 },
    );
  });

  it('survives an instance that is stopped', async () => {
    const { key } = await make({ requests: { per_day: 5 } });
    const third = await startTestApp({ besides: stage.app });
    expect((await verify({ key, consume: { requests: 4 } }, third)).code).toBeNull();
    await third.close();
    expect((await verify({ key, consume: { requests: 2 } })).code).toBe('rate_limit_exceeded');
    expect((await verify({ key, consume: {} })).code).toBeNull();
  });
});

describe.skipIf(!isInstalled('curl'))('docs/why-refused.md', () => {
  const run = async (part: string): Promise<unknown> => {
    const block = blocksOf('docs/why-refused.md', 'sh').find((one) => one.includes(part)) ?? '';
    const script = block.replaceAll('http://127.0.0.1:3000', stage.app.origin);
    const env = { LATCHKEY_KEY: stage.app.masterKey };
    return JSON.parse(await runProgram('sh', ['-e', '-u', '-c', script], { env }));
  };

  it('has commands that say what the page says of them', async () => {
    const page = readFileSync(new URL('../../../docs/why-refused.md', import.meta.url), 'utf8');
    const { trace } = (await run('small budget')) as { trace: { detail: string }[] };
    // Behind it comes what credit says.
    const detail = trace.at(-2)?.detail.replace(/2\d{3}-\d\d-\d\d/, '2026-11-28');
    expect(page.replaceAll('\n', ' ')).toContain(detail);
    const { valid, limits } = (await run('a customer')) as Verified;
    expect(valid).toBe(true);
    expect(page).toContain('"used":2,"reserved":0,"remaining":1');
    expect(JSON.stringify(limits)).toContain('"used":2,"reserved":0,"remaining":1');
  });
});
