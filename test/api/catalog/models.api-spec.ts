import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp } from '../../support/app.js';

type TestApp = Awaited<ReturnType<typeof startTestApp>>;
type Answer = Awaited<ReturnType<TestApp['call']>>;

const PREFIXES = ['/v1/models', '/openai/v1/models', '/openai/models'];
let app: TestApp;
let limitedKey: string;
let providerId: string;

beforeAll(async () => {
  app = await startTestApp();
  const provider = { name: 'mine', kind: 'openai-compatible', base_url: 'http://127.0.0.1:9/v1' };
  providerId = idOf(await app.call('POST', '/v1/providers', { body: provider }));
  await route('open-model', { context_length: 8_192, max_output_tokens: 512 });
  await route('meta/secret-model', {});
  const key = { name: 'limited', permissions: { models: ['open-*'] } };
  const answer = await app.call('POST', '/v1/keys', { body: key });
  limitedKey = (answer.body as { key: string }).key;
});
afterAll(() => app.close());

const idOf = (answer: Answer): string => (answer.body as { id: string }).id;

async function route(model: string, facts: Record<string, number>): Promise<string> {
  const price = { input_per_million: 1, output_per_million: 1 };
  const body = { model, provider_id: providerId, price, ...facts };
  return idOf(await app.call('POST', '/v1/routes', { body }));
}

async function listed(prefix: string, key?: string): Promise<string[]> {
  const answer = await app.call('GET', prefix, key === undefined ? {} : { key });
  expect(answer.status).toBe(200);
  const list = answer.body as { object: string; data: { id: string }[] };
  expect(list.object).toBe('list');
  return list.data.map(({ id }) => id);
}

describe.each(PREFIXES)('GET %s', (prefix) => {
  it('200: lists the routed models and the sandbox’s', async () => {
    expect(await listed(prefix)).toEqual([
      'meta/secret-model',
      'open-model',
      'sandbox/echo',
      'sandbox/lorem',
    ]);
  });

  it('200: shows a key only what it may use', async () => {
    expect(await listed(prefix, limitedKey)).toEqual([
      'open-model',
      'sandbox/echo',
      'sandbox/lorem',
    ]);
  });

  it('200: answers OpenAI’s object', async () => {
    expect(await app.call('GET', `${prefix}/open-model`, { key: limitedKey })).toMatchObject({
      status: 200,
      body: {
        id: 'open-model',
        object: 'model',
        created: expect.any(Number) as number,
        owned_by: 'mine',
        context_length: 8_192,
        max_output_tokens: 512,
      },
    });
  });

  it.each(['sandbox/echo', 'sandbox%2Fecho', 'sandbox%2fecho'])('200: finds %s', async (id) => {
    expect(await app.call('GET', `${prefix}/${id}`, { key: limitedKey })).toMatchObject({
      status: 200,
      body: { id: 'sandbox/echo', object: 'model', owned_by: 'latchkey' },
    });
  });

  it('404: says the same of an unknown model and one that the key may not use', async () => {
    for (const id of ['nope', 'a/b/c', 'meta/secret-model', 'meta%2Fsecret-model']) {
      const answer = await app.call('GET', `${prefix}/${id}`, { key: limitedKey });
      expect(answer).toMatchObject({
        status: 404,
        body: {
          error: {
            code: 'model_not_found',
            message: `There is no model ${decodeURIComponent(id)}.`,
          },
        },
      });
    }
  });
});

describe('GET /v1/models', () => {
  it('follows every change at once', async () => {
    const id = await route('late-model', {});
    expect(await listed('/v1/models')).toContain('late-model');
    await app.call('PATCH', `/v1/routes/${id}`, { body: { model: 'later-model' } });
    expect(await listed('/v1/models')).toContain('later-model');
    expect(await listed('/v1/models')).not.toContain('late-model');
    await app.call('DELETE', `/v1/routes/${id}`);
    expect(await listed('/v1/models')).not.toContain('later-model');
  });

  it('401 and 403', async () => {
    expect((await app.call('GET', '/v1/models', { key: 'nonsense' })).status).toBe(401);
    const body = { name: 'no models', scopes: ['usage:read'] };
    const answer = await app.call('POST', '/v1/keys', { body });
    const { key } = answer.body as { key: string };
    expect(await app.call('GET', '/v1/models', { key })).toMatchObject({
      status: 403,
      body: { error: { code: 'insufficient_scope' } },
    });
  });
});
