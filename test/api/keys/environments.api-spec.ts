import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ENVIRONMENTS } from '#common/auth/principal.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';

type Body = Record<string, unknown>;
type Made = {
  readonly id: string;
  readonly key: string;
  readonly environment: string;
  readonly status: string;
};

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(async () => {
  await app.close();
});
afterEach(async () => {
  for (const name of ENVIRONMENTS) await set(name, {});
});

async function ask<Result = Body>(method: string, path: string, body?: unknown): Promise<Result> {
  const answer = await app.call(method, path, { ...(body !== undefined && { body }) });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body as Result;
}

const put = (environment: string, body: Body, key?: string): Promise<Answer> =>
  app.call('PUT', `/v1/environments/${environment}`, { body, ...(key !== undefined && { key }) });

async function set(environment: string, body: Body): Promise<Body> {
  const answer = await put(environment, body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Body;
}

const make = (fields: Body): Promise<Made> => ask('POST', '/v1/keys', { name: 'made', ...fields });

type KeyPolicy = { policy: Record<string, Body>; sources: Record<string, string[]> };
const policyOf = ({ id }: Pick<Made, 'id'>): Promise<KeyPolicy> =>
  ask('GET', `/v1/keys/${id}/policy`);

const COST = 'rate_limits.costs.per_day_max';
async function costOf(key: Pick<Made, 'id'>): Promise<unknown[]> {
  const { policy, sources } = await policyOf(key);
  const { costs } = policy.rate_limits as { costs: { per_day_max: unknown } };
  return [costs.per_day_max, sources[COST]];
}

function refusal(answer: Answer): unknown[] {
  const { error } = answer.body as { error: { param: string | null } };
  return [answer.status, codeOf(answer), error.param];
}

describe('/v1/environments', () => {
  it('lists all three, before anything was said of any', async () => {
    const fresh = await startTestApp();
    const { body } = await fresh.call('GET', '/v1/environments');
    await fresh.close();
    const nothing = { defaults: {}, version: 0, updated_at: null };
    const { data } = body as { data: Body[] };
    expect(data).toMatchObject(ENVIRONMENTS.map((environment) => ({ environment, ...nothing })));
  });

  it('keeps what is set in the canonical spelling, for who has read it last', async () => {
    const body = { defaults: { permissions: { models: ['a'], max_cost_per_day: 5 } } };
    const before = await app.call('GET', '/v1/environments/staging');
    const ifMatch = { body, headers: { 'if-match': before.headers.get('etag') ?? '' } };
    const answer = await app.call('PUT', '/v1/environments/staging', ifMatch);
    expect(answer.body).toMatchObject({
      environment: 'staging',
      defaults: {
        permissions: { models: { allowed: ['a'] } },
        rate_limits: { costs: { per_day_max: expect.anything() as unknown } },
      },
    });
    const { version } = answer.body as { version: number };
    expect(answer.headers.get('etag')).toBe(`"${version}"`);
    expect(await ask('GET', '/v1/environments/staging')).toEqual(answer.body);
    const late = await app.call('PUT', '/v1/environments/staging', ifMatch);
    expect([late.status, codeOf(late)]).toEqual([412, 'precondition_failed']);
  });

  it.each<[Body, string]>([
    [{ defaults: { permissions: { modles: [] } } }, 'permissions.modles'],
    [{ defaults: { permissions: { inherit_from: 'x' } } }, 'permissions.inherit_from'],
    [{ defaults: { audit: {} } }, 'defaults.audit'],
    [{ default: {} }, 'default'],
  ])('refuses %j', async (body, param) => {
    expect(refusal(await put('staging', body))).toEqual([400, 'invalid_request', param]);
  });

  it('knows no other environment', async () => {
    expect(codeOf(await put('test', {}))).toBe('not_found');
    expect(codeOf(await app.call('GET', '/v1/environments/test'))).toBe('not_found');
  });

  it('lets nobody set what he may not grant, nor a test key speak for live ones', async () => {
    const scopes = ['config:read', 'config:write', 'keys:write', 'org:write'];
    const lesser = await app.keyWith({ scopes, permissions: { max_cost_per_day: 10 } });
    const defaults = (max_cost_per_day: number): Body => ({
      defaults: { permissions: { max_cost_per_day } },
    });
    expect((await put('staging', defaults(10), lesser)).status).toBe(200);
    const more = refusal(await put('staging', defaults(11), lesser));
    expect(more.slice(0, 2)).toEqual([403, 'escalation_denied']);
    const test = await app.keyWith({ scopes, environment: 'development' });
    expect((await put('development', defaults(1), test)).status).toBe(200);
    expect(codeOf(await put('production', defaults(1), test))).toBe('escalation_denied');
    const reader = await app.keyWith({ scopes: ['config:read'] });
    expect(codeOf(await put('staging', {}, reader))).toBe('insufficient_scope');
  });
});

describe('The defaults of an environment', () => {
  const defaults = { permissions: { models: ['a', 'b'], max_cost_per_day: 20 } };

  it('are what new keys of it start with, and no others', async () => {
    const earlier = await make({ environment: 'staging' });
    await set('staging', { defaults });
    const key = await make({ environment: 'staging' });
    expect((await costOf(key))[1]).toEqual(['environment']);
    expect((await policyOf(key)).sources['permissions.models.allowed']).toEqual(['environment']);
    for (const other of [earlier, await make({}), await make({ environment: 'development' })]) {
      expect(await costOf(other)).toEqual([null, ['default']]);
    }
    await set('staging', {});
    expect((await costOf(key))[1]).toEqual(['environment']);
  });

  it('give way to what a key is asked for', async () => {
    await set('production', { defaults });
    const key = await make({ permissions: { max_cost_per_day: 30 } });
    expect((await costOf(key))[1]).toEqual(['key']);
    expect((await policyOf(key)).sources['permissions.models.allowed']).toEqual(['environment']);
    expect(await costOf(await make({ permissions: { max_cost_per_day: null } }))).toEqual([
      null,
      ['default'],
    ]);
  });

  it('never give more than the creator has', async () => {
    await set('production', { defaults });
    const creator = await app.keyWith({
      scopes: ['keys:read', 'keys:write'],
      permissions: { models: ['b', 'c'], max_cost_per_day: 5 },
    });
    const answer = await app.call('POST', '/v1/keys', { key: creator, body: { name: 'child' } });
    expect(answer.status).toBe(201);
    const { policy, sources } = await policyOf(answer.body as Made);
    expect(policy.permissions?.models).toMatchObject({ allowed: ['b'] });
    expect(sources[COST]).toEqual(['creator']);
  });

  it('count below a template, also after it has changed', async () => {
    await set('staging', { defaults });
    const template = { name: 'of models', permissions: { models: ['c'] } };
    const { id } = await ask<Made>('POST', '/v1/policies', template);
    const permissions = { inherit_from: 'of models' };
    const key = await make({ environment: 'staging', permissions });
    const live = await make({ permissions });
    const path = 'permissions.models.allowed';
    expect((await policyOf(key)).sources[path]).toEqual(['template']);
    expect((await costOf(key))[1]).toEqual(['environment']);
    expect(await costOf(live)).toEqual([null, ['default']]);
    await set('staging', {});
    await ask('PATCH', `/v1/policies/${id}`, { permissions: { models: ['d'] } });
    expect((await policyOf(key)).policy.permissions?.models).toMatchObject({ allowed: ['d'] });
    expect((await costOf(key))[1]).toEqual(['environment']);
    await ask('PATCH', `/v1/policies/${id}`, { permissions: { max_cost_per_day: 1 } });
    expect((await costOf(key))[1]).toEqual(['template']);
    await ask('PATCH', `/v1/keys/${key.id}`, { permissions: { max_cost_per_day: 2 } });
    expect((await costOf(key))[1]).toEqual(['key']);
  });
});

describe('The example of the issue', () => {
  const SEED: Record<string, Body> = {
    development: { all_models: true, all_features: true, max_cost_per_day: 10.0 },
    staging: { models: ['gpt-4-turbo-preview', 'gpt-3.5-turbo'], max_cost_per_day: 50.0 },
    production: {
      models: ['gpt-4-turbo-preview'],
      require_approval: true,
      max_cost_per_day: 500.0,
    },
  };

  it.each(Object.entries(SEED))('makes a key for %s', async (environment, permissions) => {
    const name = `${environment} Environment Key`;
    const key = await make({ name, environment, permissions });
    const isLive = environment === 'production';
    expect(key.key).toContain(isLive ? '-live-' : '-test-');
    expect(key.environment).toBe(environment);
    expect(key.status).toBe(isLive ? 'pending_approval' : 'active');
    const { policy } = await policyOf(key);
    const { models } = policy.permissions as { models: { allowed: string[] | null } };
    expect(models.allowed).toEqual(permissions.models ?? null);
    expect((await costOf(key))[1]).toEqual(['key']);
  });
});
