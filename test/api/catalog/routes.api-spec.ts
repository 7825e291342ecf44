import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp } from '../../support/app.js';

type TestApp = Awaited<ReturnType<typeof startTestApp>>;
type Answer = Awaited<ReturnType<TestApp['call']>>;

const PRICE = { input_per_million: '0.15', output_per_million: 0.6 };
const idOf = (answer: Answer): string => (answer.body as { id: string }).id;
let app: TestApp;
let providerId: string;
let models = 0;

beforeAll(async () => {
  app = await startTestApp();
  providerId = await provider('mine', 'http://127.0.0.1:9/v1');
});
afterAll(() => app.close());

async function provider(name: string, base_url: string): Promise<string> {
  const body = { name, kind: 'openai-compatible', base_url };
  return idOf(await app.call('POST', '/v1/providers', { body }));
}

function body(fields: Record<string, unknown> = {}): Record<string, unknown> {
  models++;
  return { model: `model-${models}`, provider_id: providerId, price: PRICE, ...fields };
}

async function create(fields?: Record<string, unknown>): Promise<Answer> {
  const answer = await app.call('POST', '/v1/routes', { body: body(fields) });
  expect(answer.status).toBe(201);
  return answer;
}

describe('POST /v1/routes', () => {
  it('201: answers the route with its price as numbers', async () => {
    expect((await create({ model: 'org/model:free' })).body).toEqual({
      id: expect.stringMatching(/^rte_[0-9A-Za-z]{22}$/) as string,
      model: 'org/model:free',
      provider_id: providerId,
      upstream_model: 'org/model:free',
      price: { input_per_million: 0.15, output_per_million: 0.6, cached_input_per_million: null },
      priority: 0,
      weight: 1,
      context_length: null,
      max_output_tokens: null,
      created_at: expect.stringMatching(/Z$/) as string,
      version: 1,
    });
  });

  it('201: keeps the smallest and the largest price exactly', async () => {
    const price = {
      input_per_million: '0.000000001',
      output_per_million: '1000000',
      cached_input_per_million: 0,
    };
    const answer = await create({ price, upstream_model: 'up', priority: 3, weight: 7 });
    expect(answer.body).toMatchObject({
      upstream_model: 'up',
      priority: 3,
      weight: 7,
      price: {
        input_per_million: 1e-9,
        output_per_million: 1_000_000,
        cached_input_per_million: 0,
      },
    });
  });

  it('201: takes price and limits of a known model from the catalog, by origin or by name', async () => {
    const byOrigin = await provider('somehow', 'https://api.openai.com/v1');
    const byName = await provider('openai', 'http://127.0.0.1:9/openai');
    for (const provider_id of [byOrigin, byName]) {
      const asked = { model: `cheap-${provider_id}`, upstream_model: 'gpt-4o-mini', provider_id };
      const answer = await create({ ...asked, price: undefined });
      expect(answer.body).toMatchObject({
        price: {
          input_per_million: 0.15,
          output_per_million: 0.6,
          cached_input_per_million: 0.075,
        },
        context_length: 128_000,
        max_output_tokens: 16_384,
      });
    }
  });

  it('201: takes the limits that are said, before those of the catalog', async () => {
    const limits = { context_length: 64_000, max_output_tokens: 2_048 };
    const provider_id = await provider('openai-limited', 'https://api.openai.com/v1');
    const known = { model: 'limited', upstream_model: 'gpt-4o-mini', provider_id };
    for (const asked of [known, { model: 'unknown-limited' }]) {
      const answer = await create({ ...asked, ...limits });
      expect(answer.body).toMatchObject(limits);
      const read = await app.call('GET', `/v1/routes/${idOf(answer)}`);
      expect(read.body).toMatchObject(limits);
    }
  });

  it.each(['context_length', 'max_output_tokens'])(
    '400: refuses a %s that is no whole number from 1 up',
    async (param) => {
      for (const wrong of [0, -1, 1.5, 'many', 1e12]) {
        const answer = await app.call('POST', '/v1/routes', { body: body({ [param]: wrong }) });
        expect(answer).toMatchObject({ status: 400, body: { error: { param } } });
      }
    },
  );

  it('201: answers the same route again for the same Idempotency-Key', async () => {
    const request = { body: body(), headers: { 'idempotency-key': 'route-once' } };
    const first = await app.call('POST', '/v1/routes', request);
    const second = await app.call('POST', '/v1/routes', request);
    expect(second).toMatchObject({ status: 201, body: first.body });
  });

  it.each([
    ['price', { price: undefined }],
    ['price.input_per_million', { price: { ...PRICE, input_per_million: '-1' } }],
    ['price.input_per_million', { price: { ...PRICE, input_per_million: 1e-10 } }],
    ['price.output_per_million', { price: { ...PRICE, output_per_million: 1_000_001 } }],
    ['model', { model: 'sandbox/echo' }],
    ['model', { model: 'auto' }],
    ['model', { model: 'a b' }],
    ['weight', { weight: 0 }],
    ['organization_id', { organization_id: 'org_x' }],
  ])('400: names %s', async (param, wrong) => {
    const answer = await app.call('POST', '/v1/routes', { body: body(wrong) });
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { code: 'invalid_request', param } },
    });
  });

  it('404: names provider_id when there is no such provider', async () => {
    const answer = await app.call('POST', '/v1/routes', { body: body({ provider_id: 'prov_x' }) });
    expect(answer).toMatchObject({
      status: 404,
      body: { error: { code: 'not_found', param: 'provider_id' } },
    });
  });

  it('409: the same route twice, but not another upstream model', async () => {
    await create({ model: 'twice' });
    const again = await app.call('POST', '/v1/routes', { body: body({ model: 'twice' }) });
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'conflict' } } });
    await create({ model: 'twice', upstream_model: 'other' });
  });
});

describe('GET /v1/routes', () => {
  it('200: lists what was made, newest first', async () => {
    const made = [await create(), await create()].map(idOf);
    const answer = await app.call('GET', '/v1/routes?limit=200');
    const ids = (answer.body as { data: { id: string }[] }).data.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(made));
    expect((await app.call('GET', `/v1/routes/${made[0] ?? ''}`)).status).toBe(200);
    expect((await app.call('GET', '/v1/routes/rte_nope')).status).toBe(404);
  });
});

describe('PATCH /v1/routes/{id}', () => {
  const patch = (id: string, change: unknown): Promise<Answer> =>
    app.call('PATCH', `/v1/routes/${id}`, { body: change });

  it('200: changes what is given, leaves the rest, counts the version up', async () => {
    const id = idOf(await create({ context_length: 8 }));
    const price = { input_per_million: 2, output_per_million: '3', cached_input_per_million: 1 };
    expect(await patch(id, { price, priority: 5 })).toMatchObject({
      status: 200,
      body: {
        version: 2,
        priority: 5,
        weight: 1,
        context_length: 8,
        price: { output_per_million: 3 },
      },
    });
    expect(await patch(id, { context_length: null, price: PRICE })).toMatchObject({
      body: { version: 3, context_length: null, price: { cached_input_per_million: null } },
    });
    expect(await patch(id, { max_output_tokens: 512 })).toMatchObject({
      body: { version: 4, max_output_tokens: 512 },
    });
    expect(await patch(id, { max_output_tokens: null })).toMatchObject({
      body: { version: 5, max_output_tokens: null },
    });
  });

  it('400, 404, 409', async () => {
    const [one, other] = [await create(), await create()];
    expect((await patch(idOf(one), { provider_id: providerId })).status).toBe(400);
    expect((await patch(idOf(one), { model: 'sandbox/x' })).status).toBe(400);
    expect((await patch('rte_nope', { weight: 2 })).status).toBe(404);
    const { model } = other.body as { model: string };
    expect((await patch(idOf(one), { model, upstream_model: model })).status).toBe(409);
  });
});

describe('DELETE /v1/routes/{id}', () => {
  it('200, and then it is gone', async () => {
    const id = idOf(await create());
    expect(await app.call('DELETE', `/v1/routes/${id}`)).toMatchObject({
      status: 200,
      body: { id, deleted: true },
    });
    expect((await app.call('DELETE', `/v1/routes/${id}`)).status).toBe(404);
  });
});
