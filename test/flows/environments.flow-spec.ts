import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';

type Body = Record<string, unknown>;
type Made = { readonly id: string; readonly key: string };

const WITHIN_MS = 1_000;
const DAY_MS = 86_400_000;
const ALLOWED_IPS = { security: { network_restrictions: { ip_whitelist: ['127.0.0.1', '::1'] } } };

let here: TestApp;
let there: TestApp;
beforeAll(async () => {
  here = await startTestApp();
  there = await startTestApp({ besides: here });
});
afterAll(async () => {
  await there.close();
  await here.close();
});
afterEach(async () => {
  await set({});
});

const put = (rules: Body, key?: string): Promise<Answer> =>
  here.call('PUT', '/v1/environments/production', {
    body: { rules },
    ...(key !== undefined && { key }),
  });

async function set(rules: Body): Promise<void> {
  const answer = await put(rules);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
}

const ask = (fields: Body = {}): Promise<Answer> =>
  here.call('POST', '/v1/keys', { body: { name: 'made', ...fields } });

async function make(fields: Body = {}): Promise<Made> {
  const answer = await ask(fields);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Made;
}

const use = async (app: TestApp, key: string): Promise<string> => {
  const answer = await app.call('GET', '/v1/key', { key });
  return codeOf(answer) ?? String(answer.status);
};

async function msUntil(app: TestApp, key: string, code: string): Promise<number> {
  const start = performance.now();
  while ((await use(app, key)) !== code && performance.now() < start + WITHIN_MS) await sleep(5);
  expect(await use(app, key)).toBe(code);
  return performance.now() - start;
}

const BROKEN = 'environment_rule_violated';
const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();

describe('A rule of an environment', () => {
  it.each<[Body, string, Body]>([
    [{ require_ip_list: true }, 'security.network_restrictions.ip_whitelist', ALLOWED_IPS],
    [{ require_expiry: true }, 'expires_at', { expires_at: inDays(400) }],
    [{ max_lifetime_days: 30 }, 'expires_at', { expires_at: inDays(29) }],
  ])('%j refuses a new key that breaks it, and lets others be made', async (rules, param, kept) => {
    await set(rules);
    const refused = await ask();
    expect([refused.status, codeOf(refused)]).toEqual([403, BROKEN]);
    expect(refused.body).toMatchObject({ error: { param } });
    const { key } = await make(kept);
    expect(await use(here, key)).toBe('200');
    await make({ environment: 'development' });
  });

  it('binds keys that are there already, on every instance within a second', async () => {
    const [bound, keeping] = [await make(), await make(ALLOWED_IPS)];
    for (const app of [here, there]) expect(await use(app, bound.key)).toBe('200');
    await set({ require_ip_list: true });
    expect(await use(here, bound.key)).toBe(BROKEN);
    const ms = await msUntil(there, bound.key, BROKEN);
    process.stdout.write(`\na rule is in force on another instance after ${ms.toFixed(1)} ms\n`);
    expect(ms).toBeLessThan(WITHIN_MS);
    for (const app of [here, there]) expect(await use(app, keeping.key)).toBe('200');
    const patched = await here.call('PATCH', `/v1/keys/${bound.id}`, { body: ALLOWED_IPS });
    expect(patched.status).toBe(200);
    await msUntil(there, bound.key, '200');
  });

  it('is in force for a key that is enabled as well, however long it was disabled', async () => {
    const { id, key } = await make();
    const verb = async (name: string): Promise<number> =>
      (await here.call('POST', `/v1/keys/${id}/${name}`)).status;
    expect(await verb('disable')).toBe(200);
    await set({ require_ip_list: true });
    expect(await use(here, key)).toBe('key_disabled');
    expect(await verb('enable')).toBe(200);
    for (const app of [here, there]) await msUntil(app, key, BROKEN);
    await set({});
    await msUntil(there, key, '200');
  });

  it('is not broken by a change of a key, which may go on breaking another', async () => {
    const { id } = await make();
    const kept = await make({ expires_at: inDays(5) });
    await set({ max_lifetime_days: 10, require_ip_list: true });
    const change = (of: string, body: Body): Promise<Answer> =>
      here.call('PATCH', `/v1/keys/${of}`, { body });
    expect(codeOf(await change(kept.id, { expires_at: inDays(20) }))).toBe(BROKEN);
    expect((await change(id, ALLOWED_IPS)).status).toBe(200);
    expect((await change(id, { name: 'renamed' })).status).toBe(200);
    expect(codeOf(await change(id, { security: null }))).toBe(BROKEN);
  });

  it('of networks goes by where a call comes from, and is explained', async () => {
    const { id, key } = await make();
    await set({ allowed_networks: ['203.0.113.7/24'] });
    const refused = await here.call('GET', '/v1/key', { key });
    expect([refused.status, codeOf(refused)]).toEqual([403, 'ip_not_allowed']);
    const { error } = refused.body as { error: { message: string } };
    expect(error.message).toMatch(/^By the rules of its environment /);
    const outcome = async (ip: string): Promise<unknown> => {
      const body = { path: '/v1/models', method: 'GET', ip };
      const { body: said } = await here.call('POST', `/v1/keys/${id}/simulate`, { body });
      const { trace } = said as { trace: { rule: string; outcome: string }[] };
      return trace.find(({ rule }) => rule === 'environment_network')?.outcome;
    };
    expect([await outcome('203.0.113.9'), await outcome('10.0.0.1')]).toEqual(['allow', 'deny']);
    await set({ denied_networks: ['127.0.0.0/8', '::1'] });
    expect(await use(here, key)).toBe('ip_not_allowed');
    await set({ denied_networks: ['203.0.113.0/24'] });
    expect(await use(here, key)).toBe('200');
  });

  it('can’t lock out whoever sets it, and no master key at all', async () => {
    const scopes = ['config:write', 'config:read', 'org:write'];
    const admin = await here.keyWith({ scopes });
    expect(codeOf(await put({ require_ip_list: true }, admin))).toBe('conflict');
    await set({ require_ip_list: true, denied_networks: ['0.0.0.0/0', '::/0'] });
    expect((await here.call('GET', '/v1/key')).status).toBe(200);
  });

  it.each<[Body, string]>([
    [{ require_approval: 'yes' }, 'require_approval'],
    [{ allowed_networks: ['nowhere'] }, 'allowed_networks'],
    [{ allowed_networks: [] }, 'allowed_networks'],
    [{ max_lifetime_days: 0 }, 'max_lifetime_days'],
    [
      { denied_networks: Array.from({ length: 101 }, (_, at) => `10.0.0.${at}`) },
      'denied_networks',
    ],
  ])('%j is refused by name', async (rules, name) => {
    const answer = await put(rules);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
    expect(answer.body).toMatchObject({ error: { param: `rules.${name}` } });
  });
});
