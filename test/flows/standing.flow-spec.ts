import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../support/app.js';
import { cutStream } from '../support/cut-stream.js';
import { People } from '../support/key-owners.js';

type Made = { readonly id: string; readonly key: string };

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

async function make(fields: Record<string, unknown> = {}): Promise<Made> {
  const made = await here.call('POST', '/v1/keys', { body: { name: 'key', ...fields } });
  expect(made.status).toBe(201);
  return made.body as Made;
}

async function use(app: TestApp, key: string): Promise<{ code: string; message?: string }> {
  const answer = await app.call('GET', '/v1/key', { key });
  const { error } = answer.body as { error?: { message: string } };
  return {
    code: codeOf(answer) ?? String(answer.status),
    ...(error && { message: error.message }),
  };
}

/** Of both instances, as soon as it is so, and within a second. */
async function expectOnBoth(key: string, code: string): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  for (const app of [here, there]) {
    while ((await use(app, key)).code !== code && performance.now() < end) await sleep(5);
    expect((await use(app, key)).code).toBe(code);
  }
}

describe('A key is refused on every instance within a second while', () => {
  it('its organization is suspended', async () => {
    const { key } = await make();
    await expectOnBoth(key, '200');
    await people.setStatus('organizations', people.organizationId, 'suspended');
    await expectOnBoth(key, 'key_disabled');
    expect((await use(there, key)).message).toBe('The organization of this API key is suspended.');
    await people.setStatus('organizations', people.organizationId, 'active');
    await expectOnBoth(key, '200');
  });

  it('its team is suspended, and no other’s', async () => {
    const [teamId, otherId] = [await people.team(), await people.team()];
    const { id, key } = await make({ type: 'team', scope: { team_id: teamId } });
    const other = await make({ type: 'team', scope: { team_id: otherId } });
    await expectOnBoth(key, '200');
    await expectOnBoth(other.key, '200');
    await people.setStatus('teams', teamId, 'suspended');
    await expectOnBoth(key, 'key_disabled');
    expect((await use(here, key)).message).toMatch(/^The team of this API key is suspended/);
    expect((await here.call('GET', `/v1/keys/${id}`)).body).toMatchObject({ suspended_by: 'team' });
    await expectOnBoth(other.key, '200');
    await people.setStatus('teams', teamId, 'active');
    await expectOnBoth(key, '200');
    await people.client.query('DELETE FROM teams WHERE id = $1', [teamId]);
    await people.tell(teamId, null);
    await expectOnBoth(key, 'key_disabled');
  });

  it('its owner is suspended', async () => {
    const userId = await people.user();
    const { id, key } = await make();
    await people.give(id, userId);
    await expectOnBoth(key, '200');
    await people.setStatus('users', userId, 'suspended');
    await people.tell(null, null);
    await expectOnBoth(key, 'key_disabled');
    expect((await use(here, key)).message).toBe('The owner of this API key is suspended.');
    await people.setStatus('users', userId, 'active');
    await expectOnBoth(key, '200');
  });
});

describe('When a membership ends', () => {
  it('the member’s own keys are refused as revoked, and only in that organization', async () => {
    const userId = await people.user();
    const { id, key } = await make();
    await people.give(id, userId);
    await people.tell(null, null);
    await expectOnBoth(key, '200');
    await people.leave(userId);
    await expectOnBoth(key, 'revoked_api_key');
  });
});

describe('A stream that runs', () => {
  it('is cut when its key’s team is suspended', async () => {
    const teamId = await people.team();
    const { key } = await make({ type: 'team', scope: { team_id: teamId } });
    const whole = await cutStream(there.origin, key, () =>
      people.setStatus('teams', teamId, 'suspended'),
    );
    expect(whole).toContain('key_disabled');
  }, 40_000);
});
