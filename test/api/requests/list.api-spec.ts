import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newRequestId } from '#common/ids/request-id.js';
import { type Feature, FEATURES, featureMask } from '#modules/keys/index.js';

import { codeOf } from '../../support/app.js';
import { answerJson } from '../../support/fake-upstream.js';
import { keyIdOf, MODEL, type Stage, startStage } from '../inference/inference.harness.js';
import {
  DAY_MS,
  type EventFacts,
  idOf,
  insertEvents,
  list,
  listAll,
  type Logged,
  organizationOf,
} from './request-log.harness.js';

let stage: Stage;
let organizationId: string;
beforeAll(async () => {
  stage = await startStage();
  organizationId = await organizationOf(stage.app, stage.app.masterKey);
});
afterAll(() => stage.close());

const at = (daysAgo: number, ms = 0): Date => new Date(Date.now() - daysAgo * DAY_MS + ms);
const idsOf = (calls: readonly Logged[]): string[] => calls.map(({ id }) => id);

const STATUSES = { '404': [404, 404], '4xx': [400, 499], '2xx': [200, 299] } as const;

type Facts = {
  readonly model: string;
  readonly provider: string;
  readonly status: number;
  readonly outcome: string;
  readonly cost_nanos: number;
  readonly latency_ms: number;
  readonly features: number;
};
type Asked = Partial<Pick<Facts, 'model' | 'provider' | 'outcome'>> & {
  readonly status?: keyof typeof STATUSES;
  readonly min_cost?: string;
  readonly min_latency_ms?: number;
  readonly feature?: Feature;
};

function passes(facts: Facts, asked: Asked): boolean {
  const { status, min_cost = '0', min_latency_ms = 0, feature } = asked;
  const [from, to] = status ? STATUSES[status] : [0, 999];
  return (
    (['model', 'provider', 'outcome'] as const).every(
      (name) => (asked[name] ?? facts[name]) === facts[name],
    ) &&
    facts.status >= from &&
    facts.status <= to &&
    facts.cost_nanos >= Number(min_cost) * 1e9 &&
    facts.latency_ms >= min_latency_ms &&
    (feature === undefined || (facts.features & featureMask([feature])) !== 0)
  );
}

describe('GET /v1/requests', () => {
  it('has each call at once, with all that was recorded of it', async () => {
    const { app, key } = stage;
    const answer = await stage.chat({ tools: [{ type: 'function', function: { name: 'f' } }] });
    const id = idOf(answer);
    const { data } = await list(app, `?key_id=${await keyIdOf(app, key)}&limit=1`);
    expect(data).toEqual([
      {
        id,
        key_id: await keyIdOf(app, key),
        user_id: null,
        occurred_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        surface: 'chat.completions',
        model: MODEL,
        provider: 'provider-1',
        upstream_model: 'upstream-model',
        status: 200,
        outcome: 'completed',
        stream: false,
        features: ['chat_completion', 'function_calling'],
        input_tokens: 11,
        cached_input_tokens: 4,
        output_tokens: 7,
        reasoning_tokens: 0,
        usage_source: 'upstream',
        // 7 · 0.15 + 4 · 0.075 + 7 · 0.6 USD per million.
        cost: 0.00000555,
        price_version: expect.any(String) as string,
        latency_ms: expect.any(Number) as number,
        first_byte_ms: expect.any(Number) as number,
        has_request_body: false,
        has_response_body: false,
      },
    ]);
    const one = await app.call('GET', `/v1/requests/${id}`);
    expect(one.body).toEqual({ ...data[0], request_body: null, response_body: null });
  });

  it('has failed calls too, and no key but one with usage:read may read it', async () => {
    const { app, upstream, key } = stage;
    upstream.behave(answerJson(500, { error: { message: 'no' } }));
    const failed = await stage.chat();
    const { data } = await list(app, `?key_id=${await keyIdOf(app, key)}&limit=1`);
    expect(data).toMatchObject([{ id: idOf(failed), status: 502, outcome: 'failed' }]);
    expect(codeOf(await app.call('GET', '/v1/requests', { key }))).toBe('insufficient_scope');
    const reader = await app.keyWith({ scopes: ['usage:read'] });
    expect((await list(app, '?limit=1', reader)).data).toEqual(data);
  });

  it('is turned over page by page, newest first, without a gap or a repetition', async () => {
    const { app } = stage;
    const key_id = 'key_paged';
    // Some at the same moment, some days without any.
    const times = [0, 0, 0, 1, 1, 3, 9, 9, 40, 200].map((days) => at(days + 1));
    const ids = await insertEvents(
      app,
      times.map((occurred_at) => ({ organization_id: organizationId, key_id, occurred_at })),
    );
    const start = at(390).toISOString();
    for (const limit of [1, 2, 3, 200]) {
      const calls = await listAll(app, `?key_id=${key_id}&start=${start}&limit=${limit}`);
      expect(idsOf(calls).toSorted()).toEqual(ids.toSorted());
      const order = calls.map(({ occurred_at, id }) => `${occurred_at} ${id}`);
      expect(order).toEqual(order.toSorted().toReversed());
    }
    // Thirty days unless said.
    expect(await listAll(app, `?key_id=${key_id}`)).toHaveLength(8);
    const [from, to] = [at(5).toISOString(), at(1.5).toISOString()];
    expect(await listAll(app, `?key_id=${key_id}&start=${from}&end=${to}`)).toHaveLength(3);
  });

  it('finds exactly the calls that pass all of its filters', async () => {
    const { app } = stage;
    const key_id = 'key_filtered';
    const anyOf = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
    const facts = fc.sample(
      fc.record({
        model: anyOf('a', 'b'),
        provider: anyOf('p', 'q', ''),
        status: anyOf(200, 400, 404, 499, 500),
        outcome: anyOf('completed', 'failed', 'aborted'),
        cost_nanos: anyOf(0, 999_999_999, 1_000_000_000, 5_000_000_000),
        latency_ms: anyOf(0, 99, 100, 101),
        features: fc.subarray([...FEATURES.slice(0, 4)]).map((some) => featureMask(some)),
      }),
      { numRuns: 150, seed: 7 },
    );
    const events = facts.map((some, index): EventFacts => ({
      organization_id: organizationId,
      key_id,
      occurred_at: at(2, -index * 1_000),
      ...some,
    }));
    const ids = await insertEvents(app, events);
    const query = fc.record(
      {
        model: anyOf('a', 'b'),
        provider: anyOf('p', 'q'),
        status: anyOf(...(Object.keys(STATUSES) as (keyof typeof STATUSES)[])),
        outcome: anyOf('completed', 'failed', 'aborted'),
        min_cost: anyOf('1', '1.000000001', '0'),
        min_latency_ms: anyOf(0, 100, 101),
        feature: anyOf(...FEATURES.slice(0, 4)),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(query, async (asked) => {
        const expected = ids.filter((_, index) => passes(facts[index] as Facts, asked));
        const text = new URLSearchParams({
          key_id,
          limit: '50',
          ...Object.fromEntries(Object.entries(asked).map(([name, value]) => [name, `${value}`])),
        });
        expect(idsOf(await listAll(app, `?${text.toString()}`))).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['?status=4x', 'status'],
    ['?status=600', 'status'],
    ['?outcome=lost', 'outcome'],
    ['?feature=fly', 'feature'],
    ['?min_cost=-1', 'min_cost'],
    ['?min_latency_ms=-1', 'min_latency_ms'],
    ['?start=yesterday', 'start'],
    ['?start=2019-12-31', 'start'],
    ['?start=2021-01-01&end=2026-01-01', 'start'],
    ['?start=2026-01-02&end=2026-01-02', 'start'],
    ['?start=2099-01-01', 'start'],
    ['?start=-200000-01-01T00:00:00Z', 'start'],
    ['?cursor=x', 'cursor'],
    ['?limit=201', 'limit'],
    ['?team=x', 'team'],
  ])('%s is refused and names %s', async (query, param) => {
    const answer = await stage.app.call('GET', `/v1/requests${query}`);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });
});

describe('GET /v1/requests/{id}', () => {
  it('finds a call of any length and age by its id, which says when it began', async () => {
    const { app } = stage;
    const event = { organization_id: organizationId, key_id: 'key_old' };
    const ids = await insertEvents(app, [
      { ...event, occurred_at: at(0) },
      { ...event, occurred_at: at(300) },
    ]);
    for (const id of ids) {
      const { status, body } = await app.call('GET', `/v1/requests/${id}`);
      expect([status, body]).toMatchObject([200, { id }]);
    }
  });

  it.each([
    ['of a minute', 60_000],
    ['of ten minutes', 600_000],
    ['of an hour', 3_600_000],
    ['during which the clock was set back', -3_000],
  ])('finds a call %s', async (_, ms) => {
    const { app } = stage;
    const occurred_at = at(20);
    const id = newRequestId(occurred_at.getTime() - ms);
    await insertEvents(app, [
      { organization_id: organizationId, key_id: 'key_long', occurred_at, id },
    ]);
    expect((await app.call('GET', `/v1/requests/${id}`)).status).toBe(200);
  });

  it('finds one whose id says nothing where its time is given', async () => {
    const { app } = stage;
    const id = 'req_zzzzzzzzzzzzzzzzzzzzzz';
    const occurred_at = at(50);
    await insertEvents(app, [
      { organization_id: organizationId, key_id: 'key_old', occurred_at, id },
    ]);
    expect((await app.call('GET', `/v1/requests/${id}`)).status).toBe(404);
    const second = new Date(Math.floor(occurred_at.getTime() / 1_000) * 1_000).toISOString();
    for (const time of [occurred_at.toISOString(), second]) {
      const { status, body } = await app.call('GET', `/v1/requests/${id}?occurred_at=${time}`);
      expect([status, body]).toMatchObject([200, { id }]);
    }
    const wrong = at(49).toISOString();
    expect((await app.call('GET', `/v1/requests/${id}?occurred_at=${wrong}`)).status).toBe(404);
  });

  it.each(['req_', 'x', 'req_0000000000000000000000', 'req_zzzzzzzzzzzzzzzzzzzzzz', '%00'])(
    'answers %j as one that there is none of, or refuses it',
    async (id) => {
      const answer = await stage.app.call('GET', `/v1/requests/${id}`);
      expect([404, 400]).toContain(answer.status);
    },
  );

  it.each([
    ['?include=headers', 'include'],
    ['?occurred_at=now', 'occurred_at'],
    ['?occurred_at=2019-01-01', 'occurred_at'],
  ])('refuses %s and names %s', async (query, param) => {
    const answer = await stage.app.call('GET', `/v1/requests/req_1${query}`);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });
});

describe('another organization’s calls', () => {
  it('are in no list, with no filter and no cursor, and are not found', async () => {
    const { app } = stage;
    const [theirs = ''] = await insertEvents(app, [
      { organization_id: 'org_other', key_id: 'key_theirs', occurred_at: at(0) },
    ]);
    expect(idsOf(await listAll(app, '?limit=200'))).not.toContain(theirs);
    expect(await listAll(app, '?key_id=key_theirs')).toEqual([]);
    const answer = await app.call('GET', `/v1/requests/${theirs}`);
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
  });
});
