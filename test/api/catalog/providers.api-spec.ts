import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp } from '../../support/app.js';

type TestApp = Awaited<ReturnType<typeof startTestApp>>;
type Answer = Awaited<ReturnType<TestApp['call']>>;

const CANARY = 'sk-canary-0123456789';
const idOf = (answer: Answer): string => (answer.body as { id: string }).id;
let app: TestApp;
let names = 0;

beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

function body(fields: Record<string, unknown> = {}): Record<string, unknown> {
  names++;
  return {
    name: `provider-${names}`,
    kind: 'openai-compatible',
    base_url: 'http://127.0.0.1:9/v1/',
    api_key: CANARY,
    ...fields,
  };
}

async function create(fields?: Record<string, unknown>): Promise<Answer> {
  const answer = await app.call('POST', '/v1/providers', { body: body(fields) });
  expect(answer.status).toBe(201);
  return answer;
}

async function keyWith(scopes: string[]): Promise<string> {
  const answer = await app.call('POST', '/v1/keys', { body: { name: 'k', scopes } });
  return (answer.body as { key: string }).key;
}

describe('POST /v1/providers', () => {
  it('201: answers the provider without its key', async () => {
    const answer = await create({ name: 'mine', timeouts: { first_byte_ms: 100 } });
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^prov_[0-9A-Za-z]{22}$/) as string,
      name: 'mine',
      kind: 'openai-compatible',
      base_url: 'http://127.0.0.1:9/v1',
      has_api_key: true,
      timeouts: { connect_ms: 5_000, first_byte_ms: 100, idle_ms: 60_000, total_ms: 600_000 },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      version: 1,
    });
    expect(JSON.stringify(answer.body)).not.toContain(CANARY);
  });

  it('201: answers the same provider again for the same Idempotency-Key', async () => {
    const request = { body: body(), headers: { 'idempotency-key': 'provider-once' } };
    const first = await app.call('POST', '/v1/providers', request);
    const second = await app.call('POST', '/v1/providers', request);
    expect(second.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
  });

  it.each([
    ['kind', { kind: 'anthropic' }],
    ['name', { name: 'Upper' }],
    ['name', { name: 'sandbox' }],
    ['base_url', { base_url: 'ftp://example.com' }],
    ['base_url', { base_url: 'https://user:pw@example.com' }],
    ['base_url', { base_url: 'https://example.com?key=1' }],
    ['api_key', { api_key: 'a\r\nb' }],
    ['secret', { secret: 'x' }],
    ['id', { id: 'prov_x' }],
  ])('400: names %s', async (param, wrong) => {
    const answer = await app.call('POST', '/v1/providers', { body: body(wrong) });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  it('401 without a key, 403 without the scope', async () => {
    const nobody = await app.call('POST', '/v1/providers', { key: 'nonsense', body: body() });
    expect(nobody.status).toBe(401);
    const reader = await app.call('POST', '/v1/providers', {
      key: await keyWith(['providers:read']),
      body: body(),
    });
    expect(reader.status).toBe(403);
    expect(reader.body).toMatchObject({ error: { code: 'insufficient_scope' } });
  });

  it('409: a name is given once, also when many ask for it at once', async () => {
    const same = body({ name: 'contested' });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => app.call('POST', '/v1/providers', { body: same })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([
      201,
      ...Array<number>(7).fill(409),
    ]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({
      error: { code: 'conflict', param: 'name' },
    });
  });
});

describe('GET /v1/providers', () => {
  it('200: pages through all of them, newest first, without keys', async () => {
    const created = [await create(), await create(), await create()].map(idOf);
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await app.call('GET', `/v1/providers?limit=2${cursor}`);
      expect(page.status).toBe(200);
      expect(JSON.stringify(page.body)).not.toContain(CANARY);
      const { data, next_cursor: next } = page.body as {
        data: { id: string }[];
        next_cursor: string | null;
      };
      seen.push(...data.map(({ id }) => id));
      cursor = next === null ? '' : `&cursor=${next}`;
    } while (cursor !== '');
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(created));
  });

  it('400: refuses a cursor that it did not give', async () => {
    expect((await app.call('GET', '/v1/providers?cursor=x')).status).toBe(400);
  });
});

describe('GET /v1/providers/{id}', () => {
  it('200 for one that there is, 404 for any other', async () => {
    const created = await create();
    const found = await app.call('GET', `/v1/providers/${idOf(created)}`);
    expect(found).toMatchObject({ status: 200, body: created.body });
    const missing = await app.call('GET', '/v1/providers/prov_nope');
    expect(missing).toMatchObject({ status: 404, body: { error: { code: 'not_found' } } });
  });
});

describe('PATCH /v1/providers/{id}', () => {
  const patch = (id: string, change: unknown): Promise<Answer> =>
    app.call('PATCH', `/v1/providers/${id}`, { body: change });

  it('200: changes what is given, leaves the rest, counts the version up', async () => {
    const id = idOf(await create({ timeouts: { idle_ms: 7 } }));
    const changed = await patch(id, { timeouts: { connect_ms: 9 } });
    expect(changed).toMatchObject({
      status: 200,
      body: { version: 2, has_api_key: true, timeouts: { connect_ms: 9, idle_ms: 7 } },
    });
    expect((await app.call('GET', `/v1/providers/${id}`)).body).toEqual(changed.body);
  });

  it('200: an empty change changes nothing', async () => {
    const created = await create();
    expect(await patch(idOf(created), {})).toMatchObject({ status: 200, body: created.body });
  });

  it('200: keeps the key when only the path changes', async () => {
    const id = idOf(await create());
    expect(await patch(id, { base_url: 'http://127.0.0.1:9/v2' })).toMatchObject({
      status: 200,
      body: { has_api_key: true, base_url: 'http://127.0.0.1:9/v2' },
    });
  });

  it.each(['http://127.0.0.1:10/v1', 'https://127.0.0.1:9/v1', 'http://127.0.0.2:9/v1'])(
    '400: never takes the key along to %s',
    async (base_url) => {
      const created = await create();
      const refused = await patch(idOf(created), { base_url });
      expect(refused).toMatchObject({
        status: 400,
        body: { error: { code: 'invalid_request', param: 'api_key' } },
      });
      const unchanged = await app.call('GET', `/v1/providers/${idOf(created)}`);
      expect(unchanged.body).toEqual(created.body);
    },
  );

  it('200: moves with a new key, or without any', async () => {
    const id = idOf(await create());
    const moved = await patch(id, { base_url: 'http://127.0.0.1:10', api_key: 'sk-new' });
    expect(moved).toMatchObject({ status: 200, body: { has_api_key: true } });
    const bare = await patch(id, { base_url: 'http://127.0.0.1:11', api_key: null });
    expect(bare).toMatchObject({ status: 200, body: { has_api_key: false } });
  });

  it('400, 404, 409', async () => {
    const [one, other] = [await create(), await create()];
    expect((await patch(idOf(one), { kind: 'openai-compatible' })).status).toBe(400);
    expect((await patch(idOf(one), { name: 'sandbox' })).status).toBe(400);
    expect((await patch('prov_nope', { name: 'x' })).status).toBe(404);
    const { name } = other.body as { name: string };
    expect(await patch(idOf(one), { name })).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict', param: 'name' } },
    });
  });
});

describe('DELETE /v1/providers/{id}', () => {
  it('200, and then it is gone', async () => {
    const id = idOf(await create());
    expect(await app.call('DELETE', `/v1/providers/${id}`)).toMatchObject({
      status: 200,
      body: { id, deleted: true },
    });
    expect((await app.call('GET', `/v1/providers/${id}`)).status).toBe(404);
    expect((await app.call('DELETE', `/v1/providers/${id}`)).status).toBe(404);
  });

  it('409: refuses while routes point to it, and says how many', async () => {
    const id = idOf(await create());
    const price = { input_per_million: 1, output_per_million: 1 };
    const route = { model: 'to-be-deleted', provider_id: id, price };
    const created = await app.call('POST', '/v1/routes', { body: route });
    expect(await app.call('DELETE', `/v1/providers/${id}`)).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict', details: { routes: 1 } } },
    });
    await app.call('DELETE', `/v1/routes/${idOf(created)}`);
    expect((await app.call('DELETE', `/v1/providers/${id}`)).status).toBe(200);
  });

  it('never loses a route that is being made meanwhile', async () => {
    for (let round = 0; round < 5; round++) {
      const id = idOf(await create());
      const price = { input_per_million: 1, output_per_million: 1 };
      const [deleted, made] = await Promise.all([
        app.call('DELETE', `/v1/providers/${id}`),
        app.call('POST', '/v1/routes', {
          body: { model: `raced-${round}`, provider_id: id, price },
        }),
      ]);
      expect([
        [200, 404],
        [409, 201],
      ]).toContainEqual([deleted.status, made.status]);
    }
  });
});
