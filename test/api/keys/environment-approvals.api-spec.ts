/** An environment can demand somebody else's approval of all its keys. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';

type Body = Record<string, unknown>;
type Made = { readonly id: string; readonly key: string; readonly status: string };

let app: TestApp;
let asker: string;
let approver: string;
beforeAll(async () => {
  app = await startTestApp();
  asker = await app.keyWith({ access_level: 'admin' });
  approver = await app.keyWith({ access_level: 'admin' });
});
afterAll(() => app.close());

async function ask<Result = Body>(
  [method, path]: readonly [method: string, path: string],
  body: unknown,
  key = asker,
): Promise<[number, Result]> {
  const answer = await app.call(method, path, { body, key });
  return [answer.status, answer.body as Result];
}

const demand = (isDemanded: boolean): Promise<[number, Body]> =>
  ask(['PUT', '/v1/environments/staging'], { rules: { require_approval: isDemanded } });

async function make(fields: Body = {}): Promise<Made> {
  const body = { name: 'made', environment: 'staging', permissions: { models: ['a'] }, ...fields };
  const [status, made] = await ask<Made>(['POST', '/v1/keys'], body);
  expect(status).toBe(201);
  return made;
}

const widen = async (id: string): Promise<number> =>
  (await ask(['PATCH', `/v1/keys/${id}`], { permissions: { models: ['a', 'b'] } }))[0];

describe('The rule require_approval of an environment', () => {
  it('lets no new key of it be used before somebody else approves it, and none of another wait', async () => {
    const [, { rules }] = await demand(true);
    expect(rules).toMatchObject({ require_approval: true });
    const waits = await make();
    expect(waits.status).toBe('pending_approval');
    expect((await app.call('GET', '/v1/models', { key: waits.key })).status).toBe(403);
    expect((await ask(['POST', `/v1/keys/${waits.id}/approve`], {}))[0]).toBe(403);
    const [status, approved] = await ask(['POST', `/v1/keys/${waits.id}/approve`], {}, approver);
    expect([status, approved.status]).toEqual([200, 'active']);
    expect((await app.call('GET', '/v1/models', { key: waits.key })).status).toBe(200);
    expect((await make({ environment: 'development' })).status).toBe('active');
  });

  it('lets keys that are there already go on, and makes what gives them more wait', async () => {
    await demand(false);
    const { id, key, status } = await make();
    expect(status).toBe('active');
    expect(await widen(id)).toBe(200);
    await demand(true);
    expect((await app.call('GET', '/v1/models', { key })).status).toBe(200);
    const narrower = { permissions: { models: ['a'] } };
    expect((await ask(['PATCH', `/v1/keys/${id}`], narrower))[0]).toBe(200);
    expect(await widen(id)).toBe(202);
    await demand(false);
    expect((await ask(['POST', `/v1/keys/${id}/reject`], {}, approver))[0]).toBe(200);
    expect(await widen(id)).toBe(200);
  });
});
