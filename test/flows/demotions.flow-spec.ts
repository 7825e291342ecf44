/**
 * Whoever may less than before reads, deletes and watches no more than that: with a key of their own, whose rights over kept
 * bodies stay in its policy, and in a session. On every instance, whose caches know the rights of before.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';
import { People } from '../support/key-owners.js';
import { EventsClient, SocketClient } from '../support/live-clients.js';
import { fromElsewhere, newEmail, OPEN_TO_PEOPLE, PASSWORD } from '../support/people.js';

const WITHIN_MS = 1_000;
/** Promised of streams. What is asserted is several times as much, for machines that are busy. */
const CLOSED_WITHIN_MS = 2_000;
const PATIENCE_MS = 4 * CLOSED_WITHIN_MS;

let here: TestApp;
let there: TestApp;
let people: People;
/** Somebody else's, with a call whose bodies are kept. */
let others: { readonly id: string; readonly requestId: string };
beforeAll(async () => {
  here = await startTestApp({ env: OPEN_TO_PEOPLE });
  there = await startTestApp({ besides: here });
  people = await People.of(here);
  const made = await make({ permissions: { data_access: { log_requests: true } } });
  await people.give(made.id, await people.user());
  const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };
  const answer = await here.call('POST', '/v1/chat/completions', { key: made.key, body });
  expect(answer.status).toBe(200);
  others = { id: made.id, requestId: answer.headers.get('x-request-id') ?? '' };
});
afterAll(async () => {
  await people.close();
  await there.close();
  await here.close();
});

type Made = { readonly id: string; readonly key: string };
type Caller = { readonly userId: string; readonly key: string };

async function succeed<T>(method: string, path: string, body: unknown): Promise<T> {
  const answer = await here.call(method, path, { body });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.body as T;
}

const make = (fields: object): Promise<Made> =>
  succeed('POST', '/v1/keys', { name: 'key', ...fields });

/** An administrator with a key of their own that may read and delete bodies. */
async function withKey(role = 'admin'): Promise<Caller> {
  const userId = await people.user(role);
  const data_access = { export_data: true, delete_data: true };
  const { id, key } = await make({ access_level: 'admin', permissions: { data_access } });
  await people.give(id, userId);
  return { userId, key };
}

async function withSession(): Promise<Caller> {
  const { token: invitation } = await succeed<{ token: string }>('POST', '/v1/invitations', {
    email: newEmail(),
    role: 'admin',
  });
  const accepted = await here.call('POST', `/v1/invitations/${invitation}/accept`, {
    key: null,
    body: { name: 'Ada', password: PASSWORD },
    headers: fromElsewhere(),
  });
  const { token, user } = accepted.body as { token: string; user: { id: string } };
  return { userId: user.id, key: token };
}

const setRole = ({ userId }: Caller, role: string): Promise<unknown> =>
  succeed('PATCH', `/v1/members/${userId}`, { role });

/** A role of the organization's own that may not look at usage. */
async function blindRole(): Promise<string> {
  const body = { name: `Blind ${newEmail()}`, scopes: ['models:read', 'keys:read'] };
  return (await succeed<Made>('POST', '/v1/roles', body)).id;
}

const READS = [
  () => `GET /v1/requests/${others.requestId}?include=bodies`,
  () => `GET /v1/requests?key_id=${others.id}`,
  () => 'GET /v1/requests',
];
const DELETIONS = [
  () => 'DELETE /v1/requests?before=2026-01-01T00:00:00Z',
  () => `DELETE /v1/requests?before=2026-01-01T00:00:00Z&key_id=${others.id}`,
  () => `DELETE /v1/requests/${others.requestId}`,
];

async function ask(app: TestApp, { key }: Caller, call: string): Promise<string> {
  const [method = '', path = ''] = call.split(' ');
  const answer: Answer = await app.call(method, path, { key });
  return codeOf(answer) ?? String(answer.status);
}

/** What each of the calls is answered on both instances, once the first is. */
async function expectWithin(
  caller: Caller,
  calls: readonly (() => string)[],
  outcomes: readonly string[],
): Promise<void> {
  const [first] = calls;
  const began = performance.now();
  for (const app of [here, there]) {
    while ((await ask(app, caller, first!())) !== outcomes[0]) {
      expect(performance.now() - began).toBeLessThan(WITHIN_MS);
      await sleep(5);
    }
    for (const [at, call] of calls.entries()) {
      expect([call(), await ask(app, caller, call())]).toEqual([call(), outcomes[at]]);
    }
  }
  console.info(`in force on both instances after ${Math.round(performance.now() - began)} ms`);
}

describe('On every instance within a second, the bodies and calls of others', () => {
  it('are closed to a key whose owner was made a developer, its rights over bodies notwithstanding', async () => {
    const caller = await withKey();
    await expectWithin(caller, READS, ['200', '200', '200']);
    await setRole(caller, 'developer');
    const nothing = ['not_found', 'not_found', 'operation_not_allowed'];
    await expectWithin(caller, READS, nothing);
    await expectWithin(caller, DELETIONS, ['operation_not_allowed', 'not_found', 'not_found']);
    await setRole(caller, 'admin');
    await expectWithin(caller, READS, ['200', '200', '200']);
  });

  it.each(['viewer', 'auditor', 'billing'])('and to one whose owner was made %s', async (role) => {
    const caller = await withKey();
    await expectWithin(caller, READS, ['200', '200', '200']);
    await setRole(caller, role);
    await expectWithin(caller, READS, ['not_found', 'not_found', 'operation_not_allowed']);
    await expectWithin(caller, DELETIONS, ['operation_not_allowed', 'not_found', 'not_found']);
  });

  it('are closed where the owner’s role lost usage:read, that of everybody who has it', async () => {
    const scopes = ['org:write', 'usage:read'];
    const { id } = await succeed<Made>('POST', '/v1/roles', { name: 'Watching', scopes });
    const caller = await withKey(id);
    await expectWithin(caller, READS, ['200', '200', '200']);
    await succeed('PATCH', `/v1/roles/${id}`, { scopes: ['org:write'] });
    const nothing = Array<string>(3).fill('insufficient_scope');
    await expectWithin(caller, READS, nothing);
    await expectWithin(caller, DELETIONS, nothing);
  });

  it('are closed to the session of somebody who was an administrator', async () => {
    const caller = await withSession();
    const calls = READS.slice(1);
    await expectWithin(caller, calls, ['200', '200']);
    await setRole(caller, 'developer');
    await expectWithin(caller, calls, ['not_found', 'operation_not_allowed']);
  });

  it('were left as they were by all of that', async () => {
    const found = await here.call('GET', `/v1/requests/${others.requestId}?include=bodies`);
    expect(found.body).toMatchObject({ has_request_body: true });
    expect((found.body as { request_body: unknown }).request_body).not.toBeNull();
  });
});

describe('A stream of somebody else’s key is closed on both instances within two seconds', () => {
  async function expectClosed(
    caller: Caller,
    act: () => Promise<unknown>,
    ending: { code: number; reason: string },
    watched = others.id,
  ): Promise<void> {
    const { key } = caller;
    const socket = await SocketClient.listen(there.origin, watched, { key });
    const events = await EventsClient.connect(here.origin, watched, { key });
    await act();
    const began = performance.now();
    expect(await socket.closed).toEqual(ending);
    await events.ended;
    const took = Math.round(performance.now() - began);
    console.info(`closed with ${ending.reason} after ${took} ms, promised: ${CLOSED_WITHIN_MS}`);
    expect(events.messages.at(-1)).toEqual({ type: 'closed', ...ending });
    expect(took).toBeLessThan(PATIENCE_MS);
  }
  const GONE = { code: 4404, reason: 'not_found' };
  const BLIND = { code: 4403, reason: 'insufficient_scope' };

  it.each([
    ['a key’s owner', withKey],
    ['somebody with a session', withSession],
  ])('once %s is made a developer', async (_, come) => {
    const caller = await come();
    await expectClosed(caller, () => setRole(caller, 'developer'), GONE);
    const refused = await SocketClient.refused(there.origin, others.id, { key: caller.key });
    expect(refused).toMatchObject({ status: 404, code: 'not_found' });
  });

  it.each([
    ['a key’s owner', withKey],
    ['somebody with a session', withSession],
  ])('once the role of %s has no usage:read', async (_, come) => {
    const [caller, role] = [await come(), await blindRole()];
    await expectClosed(caller, () => setRole(caller, role), BLIND);
  });

  it.each([
    ['a key’s owner', withKey],
    ['somebody with a session', withSession],
  ])('once %s has left its team', async (_, come) => {
    const caller = await come();
    await setRole(caller, 'developer');
    const { id: team } = await succeed<Made>('POST', '/v1/teams', { name: newEmail() });
    const path = `/v1/teams/${team}/members`;
    await succeed('PUT', path, { user_id: caller.userId, role: 'developer' });
    const watched = await make({ type: 'team', scope: { team_id: team } });
    const leave = (): Promise<Answer> => here.call('DELETE', `${path}/${caller.userId}`);
    await expectClosed(caller, leave, GONE, watched.id);
  });

  it('and a ticket that was got before opens none', async () => {
    const caller = await withKey();
    const { key } = caller;
    const issued = await here.call('POST', `/v1/keys/${others.id}/usage/tickets`, { key });
    const { ticket } = issued.body as { ticket: string };
    await expectClosed(caller, () => setRole(caller, 'developer'), GONE);
    const refused = await SocketClient.refused(there.origin, others.id, { query: { ticket } });
    expect(refused).toMatchObject({ status: 404, code: 'not_found' });
  });
});
