import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';
import {
  answerJson,
  completion,
  type FakeUpstream,
  startFakeUpstream,
} from '../support/fake-upstream.js';

const CONFIGS = '/manage/project-configs';
const CHAT = '/v1/chat/completions';
const MESSAGES = [{ role: 'user', content: 'Hello!' }];
const SLOW_MS = 60;
const CHANGE_ARRIVES_MS = 1_000;

let here: TestApp;
let there: TestApp;
/** First by priority; dear and slow. */
let first: FakeUpstream;
/** Cheap and fast, and only taken when somebody asks for it. */
let second: FakeUpstream;
const routeIds: string[] = [];
beforeAll(async () => {
  here = await startTestApp();
  [first, second] = await Promise.all([startFakeUpstream(), startFakeUpstream()]);
  await route('first', first, {
    priority: 0,
    price: { input_per_million: '2', output_per_million: '8' },
  });
  await route('second', second, {
    priority: 1,
    price: { input_per_million: '3', output_per_million: '1' },
  });
  // Without a route.
  await provider('third', second);
  there = await startTestApp({ besides: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
  await Promise.all([first.close(), second.close()]);
});
beforeEach(() => {
  first.behave(answerJson(200, completion('first')));
  second.behave(answerJson(200, completion('second')));
});

async function provider(name: string, { baseUrl }: FakeUpstream): Promise<string> {
  const made = await here.call('POST', '/v1/providers', {
    body: { name, kind: 'openai-compatible', base_url: baseUrl, api_key: `credential-${name}` },
  });
  expect(made.status).toBe(201);
  return (made.body as { id: string }).id;
}

async function route(name: string, upstream: FakeUpstream, fields: object): Promise<void> {
  const provider_id = await provider(name, upstream);
  const made = await here.call('POST', '/v1/routes', {
    body: {
      model: 'm',
      provider_id,
      upstream_model: `up-${name}`,
      max_output_tokens: 16_384,
      ...fields,
    },
  });
  expect(made.status).toBe(201);
  routeIds.push((made.body as { id: string }).id);
}

let names = 0;
async function project(settings?: Record<string, unknown>): Promise<string> {
  const made = await here.call('POST', '/v1/projects', { body: { name: `Project ${names++}` } });
  const { id } = made.body as { id: string };
  if (settings) await set(await adminOf(id), settings);
  return id;
}

const adminOf = (id: string): Promise<string> =>
  here.keyWith({ access_level: 'admin', scope: { projects: [id] } });

async function set(key: string, settings: Record<string, unknown>): Promise<void> {
  expect((await here.call('PUT', CONFIGS, { key, body: settings })).status).toBe(200);
}

const keyOf = (...projects: string[]): Promise<string> =>
  here.keyWith({ ...(projects.length > 0 && { scope: { projects } }) });

const chat = (key: string, fields: object = {}, app = here): Promise<Answer> =>
  app.call('POST', CHAT, { key, body: { model: 'm', messages: MESSAGES, ...fields } });

/** Who answers, or the code of the refusal. */
async function answererOf(key: string, fields: object = {}, app = here): Promise<unknown> {
  const answer = await chat(key, fields, app);
  const { choices } = answer.body as { choices?: { message: { content: string } }[] };
  return choices?.[0]?.message.content ?? codeOf(answer);
}

describe('allowed_providers', () => {
  it('leaves out others, and keys of other projects are as they were', async () => {
    const key = await keyOf(await project({ allowed_providers: ['second', 'third'] }));
    const other = await keyOf(await project());
    expect(await answererOf(key)).toBe('second');
    expect(await answererOf(other)).toBe('first');
    expect(await answererOf(await keyOf())).toBe('first');
  });

  it('is refused with the setting’s name where none is left', async () => {
    const key = await keyOf(await project({ allowed_providers: ['third'] }));
    const answer = await chat(key);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'provider_not_allowed']);
    expect(answer.body).toMatchObject({
      error: { param: 'model', details: { project_setting: 'allowed_providers' } },
    });
    const { id } = (await here.call('GET', '/v1/key', { key })).body as { id: string };
    const why = await here.call('POST', `/v1/keys/${id}/simulate`, { body: { model: 'm' } });
    const { code, trace } = why.body as { code: string; trace: { rule: string; detail: string }[] };
    expect(code).toBe('provider_not_allowed');
    expect(trace.find(({ rule }) => rule === 'provider')).toEqual({
      rule: 'provider',
      outcome: 'deny',
      detail: 'The project setting allowed_providers leaves no provider of the model “m”.',
    });
    expect(codeOf(await chat(key, { model: 'unheard-of' }))).toBe('model_not_found');
    expect((await chat(key, { model: 'sandbox/echo' })).status).toBe(200);
  });

  it('of a provider that is deleted later match none, and stay', async () => {
    const id = await provider('leaving', second);
    const projectId = await project({ allowed_providers: ['leaving'] });
    expect((await here.call('DELETE', `/v1/providers/${id}`)).status).toBe(200);
    const [key, admin] = [await keyOf(projectId), await adminOf(projectId)];
    expect(await answererOf(key)).toBe('provider_not_allowed');
    // As clients do that send back what they have read.
    await set(admin, { allowed_providers: ['second', 'leaving'] });
    expect(await answererOf(key)).toBe('second');
    await set(admin, { allowed_providers: ['second'] });
    const body = { allowed_providers: ['second', 'leaving'] };
    expect((await here.call('PUT', CONFIGS, { key: admin, body })).status).toBe(400);
  });

  it('widens no key’s own policy', async () => {
    const scope = { projects: [await project({ allowed_providers: ['second'] })] };
    const permissions = { routing: { allowed_providers: ['first'] } };
    const key = await here.keyWith({ scope, permissions });
    expect(await answererOf(key)).toBe('provider_not_allowed');
    const wish = { allowed_providers: ['second'] };
    expect(await answererOf(await here.keyWith({ permissions }), wish)).toBe(
      'provider_not_allowed',
    );
  });

  it('of several projects is what each allows', async () => {
    const both = await project({ allowed_providers: ['first', 'second'] });
    const one = await project({ allowed_providers: ['second'] });
    const neither = await project({ allowed_providers: ['third'] });
    expect(await answererOf(await keyOf(both))).toBe('first');
    expect(await answererOf(await keyOf(both, one))).toBe('second');
    expect(await answererOf(await keyOf(await project(), one))).toBe('second');
    expect(await answererOf(await keyOf(both, one, neither))).toBe('provider_not_allowed');
  });
});

describe('what a request asks for', () => {
  it.each([
    { allow_overwrite: true, asked: 'second' },
    { allow_overwrite: false, asked: 'first' },
  ])('beside %j', async ({ allow_overwrite, asked }) => {
    const settings = { allowed_providers: ['first'], preference: 'balanced', allow_overwrite };
    const key = await keyOf(await project(settings));
    expect(await answererOf(key)).toBe('first');
    expect(await answererOf(key, { allowed_providers: ['second'] })).toBe(asked);
    expect(await answererOf(key, { preference: 'cost', allowed_providers: [] })).toBe(asked);
    expect(await answererOf(key, { allowed_providers: null })).toBe('first');
    expect(await answererOf(key, { preference: 'cost' })).toBe('first');
  });

  it('of several projects is enforced against as soon as one enforces', async () => {
    const free = await project({ allowed_providers: ['first', 'second'] });
    const strict = await project({ allow_overwrite: false });
    const wish = { allowed_providers: ['second'] };
    expect(await answererOf(await keyOf(free), wish)).toBe('second');
    expect(await answererOf(await keyOf(free, strict), wish)).toBe('first');
  });

  it('counts where nothing is set, and no provider gets to read it', async () => {
    const key = await keyOf();
    expect(await answererOf(key, { preference: 'cost', user: 'u' })).toBe('second');
    expect(JSON.parse(second.received.at(-1)?.body ?? '')).toEqual({
      model: 'up-second',
      messages: MESSAGES,
      user: 'u',
    });
    const refused = await chat(key, { allowed_providers: ['third'] });
    expect(refused.body).toMatchObject({
      error: { code: 'provider_not_allowed', param: 'allowed_providers' },
    });
  });

  it.each([{ preference: 'cheap' }, { allowed_providers: 'first' }])(
    'is a 400 where it is not understood: %j',
    async (fields) => {
      const answer = await chat(await keyOf(), fields);
      expect(answer.body).toMatchObject({
        error: { code: 'invalid_request', param: Object.keys(fields)[0] },
      });
    },
  );
});

describe('preference', () => {
  it('cost: the cheapest by input and output together, as prices are at the moment', async () => {
    const key = await keyOf(await project({ preference: 'cost' }));
    expect(await answererOf(key)).toBe('second');
    const [, id] = routeIds;
    const price = (input_per_million: string) =>
      here.call('PATCH', `/v1/routes/${id}`, {
        body: { price: { input_per_million, output_per_million: '1' } },
      });
    expect((await price('9.000001')).status).toBe(200);
    expect(await answererOf(key)).toBe('first');
    expect((await price('3')).status).toBe(200);
  });

  it('speed: mostly the one that answers fastest of late', async () => {
    const key = await keyOf(await project({ preference: 'speed' }));
    first.behave((response, ...rest) => {
      setTimeout(() => answerJson(200, completion('first'))(response, ...rest), SLOW_MS);
    });
    for (const provider of ['first', 'second', 'first']) {
      await answererOf(key, { allowed_providers: [provider] });
    }
    const answerers: unknown[] = [];
    for (let call = 0; call < 24; call++) answerers.push(await answererOf(key));
    expect(answerers.filter((one) => one === 'second').length).toBeGreaterThan(12);
  });
});

describe('a change', () => {
  it('is what another instance routes by within a second', async () => {
    const admin = await adminOf(await project({ allowed_providers: ['first'] }));
    const took: number[] = [];
    for (let round = 0; round < 10; round++) {
      const wanted = round % 2 === 0 ? 'second' : 'first';
      expect(await answererOf(admin, {}, there)).not.toBe(wanted);
      await set(admin, { allowed_providers: [wanted] });
      expect(await answererOf(admin)).toBe(wanted);
      const changedAt = performance.now();
      while ((await answererOf(admin, {}, there)) !== wanted) {
        expect(performance.now() - changedAt).toBeLessThan(CHANGE_ARRIVES_MS);
      }
      took.push(performance.now() - changedAt);
    }
    const worst = Math.max(...took).toFixed(0);
    process.stdout.write(`A change of settings reached the other instance within ${worst} ms.\n`);
  });
});
