import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../support/app.js';
import { cutStream } from '../support/cut-stream.js';
import { People } from '../support/key-owners.js';

type Made = { readonly id: string; readonly key: string };
type Owned = { readonly userId: string };

const WITHIN_MS = 1_000;

let here: TestApp;
let there: TestApp;
let people: People;
beforeAll(async () => {
  here = await startTestApp();
  there = await startTestApp({ besides: here });
  people = await People.of(here);
});
afterAll(async () => {
  await people.close();
  await there.close();
  await here.close();
});

/** A key of somebody's own who has that role. */
async function keyOf(role: string, fields: Record<string, unknown>): Promise<Made & Owned> {
  const userId = await people.user(role);
  const made = await here.call('POST', '/v1/keys', { body: { name: 'own', ...fields } });
  expect(made.status).toBe(201);
  const { id, key } = made.body as Made;
  await people.give(id, userId);
  await people.tell(null, null);
  return { id, key, userId };
}

async function succeed(method: string, path: string, body: unknown): Promise<{ id: string }> {
  const answer = await here.call(method, path, { body });
  expect(answer.status).toBeLessThan(300);
  return answer.body as { id: string };
}

function setRole(userId: string, role: string): Promise<unknown> {
  return succeed('PATCH', `/v1/members/${userId}`, { role });
}

async function inferenceOf(app: TestApp, key: string): Promise<string> {
  const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };
  const answer = await app.call('POST', '/v1/chat/completions', { key, body });
  return codeOf(answer) ?? String(answer.status);
}

async function listingOf(app: TestApp, key: string): Promise<string> {
  const answer = await app.call('GET', '/v1/members', { key });
  return codeOf(answer) ?? String(answer.status);
}

type Use = typeof inferenceOf;

/** Milliseconds from now until it is so on both instances. */
async function settled(use: Use, key: string, outcome: string): Promise<number> {
  const began = performance.now();
  for (const app of [here, there]) {
    while ((await use(app, key)) !== outcome && performance.now() - began < WITHIN_MS) {
      await sleep(5);
    }
    expect(await use(app, key)).toBe(outcome);
  }
  return performance.now() - began;
}

async function expectWithin(use: Use, key: string, outcome: string, what: string): Promise<void> {
  const ms = await settled(use, key, outcome);
  process.stdout.write(`${what}: ${outcome} on both instances after ${ms.toFixed(0)} ms\n`);
  expect(ms).toBeLessThan(WITHIN_MS);
}

describe('On every instance within a second, a key of somebody’s own', () => {
  it('does no more than its owner’s new role, and again all with the old one', async () => {
    const { id, key, userId } = await keyOf('developer', { access_level: 'inference' });
    await settled(inferenceOf, key, '200');
    await setRole(userId, 'viewer');
    await expectWithin(inferenceOf, key, 'insufficient_scope', 'developer made viewer');
    expect((await there.call('GET', `/v1/keys/${id}`)).body).toMatchObject({
      scopes: ['inference', 'models:read'],
      effective_scopes: ['models:read'],
    });
    expect((await there.call('GET', '/v1/key', { key })).body).toMatchObject({
      effective_scopes: ['models:read'],
    });
    const verified = await here.call('POST', '/v1/keys/verify', { body: { key } });
    expect(verified.body).toMatchObject({ valid: true, scopes: ['models:read'] });
    await setRole(userId, 'developer');
    await expectWithin(inferenceOf, key, '200', 'viewer made developer');
  });

  it('follows a change of its owner’s own kind of role', async () => {
    const all = ['inference', 'keys:write', 'org:read'];
    const role = await succeed('POST', '/v1/roles', { name: 'Lead', scopes: all });
    const { key } = await keyOf(role.id, { scopes: all });
    await settled(listingOf, key, '200');
    await succeed('PATCH', `/v1/roles/${role.id}`, { scopes: ['keys:write'] });
    await expectWithin(listingOf, key, 'insufficient_scope', 'org:read taken from the role');
    // Who makes keys may give them inference, so theirs keeps it.
    await settled(inferenceOf, key, '200');
    await succeed('PATCH', `/v1/roles/${role.id}`, { scopes: all });
    await expectWithin(listingOf, key, '200', 'org:read given back to the role');
  });

  it('reaches beyond the organization no longer than an owner has it', async () => {
    await people.user('owner');
    const { key, userId } = await keyOf('owner', { access_level: 'master' });
    const found = async (app: TestApp): Promise<string> => {
      const answer = await app.call('POST', '/v1/organizations', { key, body: { name: 'Other' } });
      return codeOf(answer) ?? String(answer.status);
    };
    await settled(found, key, '201');
    await setRole(userId, 'admin');
    await expectWithin(found, key, 'escalation_denied', 'owner made admin');
    const master = { name: 'mine', access_level: 'master' };
    const made = await there.call('POST', '/v1/keys', { key, body: master });
    expect(codeOf(made)).toBe('escalation_denied');
  });
});

describe('Nobody else’s key', () => {
  it('changes with somebody’s role', async () => {
    const [one, other] = [
      await keyOf('developer', { access_level: 'inference' }),
      await keyOf('developer', { access_level: 'inference' }),
    ];
    const team = await here.keyWith({ type: 'service', access_level: 'inference' });
    await setRole(one.userId, 'billing');
    await settled(inferenceOf, one.key, 'insufficient_scope');
    for (const key of [other.key, team]) await settled(inferenceOf, key, '200');
  });
});

describe('A stream that runs', () => {
  it('is cut when the owner of its key may not have it call models any more', async () => {
    const { key, userId } = await keyOf('developer', { access_level: 'inference' });
    const whole = await cutStream(there.origin, key, () => setRole(userId, 'viewer'));
    expect(whole).toContain('insufficient_scope');
  }, 40_000);
});
