import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import type { LimitState } from '#modules/limits/index.js';
import { EventBus } from '#platform/events/event-bus.js';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { People } from '../../support/key-owners.js';
import { EventsClient, SocketClient } from '../../support/live-clients.js';

let app: TestApp;
let other: TestApp;
let listening: string;
let bus: EventBus;
beforeAll(async () => {
  // The event bus of the first instance, which nothing of the API shows.
  const on = vi.spyOn(EventBus.prototype, 'on');
  app = await startTestApp();
  bus = on.mock.contexts[0] as EventBus;
  on.mockRestore();
  other = await startTestApp({ besides: app });
  listening = await app.keyWith({ scopes: ['usage:read'] });
});
afterAll(async () => {
  await other.close();
  await app.close();
});

type Made = { readonly id: string; readonly key: string };

async function newKey(fields: Record<string, unknown> = {}): Promise<Made> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'watched', ...fields } });
  return made.body as Made;
}

/** Answers the ids of the requests. */
async function use(
  on: TestApp,
  { key }: Made,
  times = 1,
  headers: Record<string, string> = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (let time = 0; time < times; time++) {
    const answer = await on.call('POST', '/v1/chat/completions', {
      key,
      headers,
      body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello there!' }] },
    });
    ids.push(answer.headers.get('x-request-id') ?? '');
  }
  return ids;
}

describe('a listener', () => {
  it('gets a message for each request of the key, from any instance, and none of another key', async () => {
    const [watched, unwatched] = [await newKey(), await newKey()];
    const client = await SocketClient.listen(app.origin, watched.id, { key: listening });
    const [failed] = await use(app, watched, 1, { 'x-latchkey-sandbox-fail': '429' });
    await use(other, unwatched, 2);
    const ids = await use(other, watched, 3);
    const messages = await client.untilOfType('request_completed', 4);
    // Each instance stores its own, so that only those of one come in order.
    expect(client.requestIds.toSorted()).toEqual([failed, ...ids].toSorted());
    expect(client.requestIds.filter((id) => id !== failed)).toEqual(ids);
    expect(messages.map(({ key_id: id }) => id)).toEqual(Array(4).fill(watched.id));
    expect(messages.find(({ request_id: id }) => id === failed)).toMatchObject({ status: 429 });
    expect(messages.find(({ request_id: id }) => id === ids[2])).toEqual({
      type: 'request_completed',
      id: expect.stringMatching(/^[0-9a-z]+\.\d+:\d+:[\d,]*\.req_\w{22}$/) as string,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
      key_id: watched.id,
      request_id: ids[2],
      model: 'sandbox/echo',
      provider: 'sandbox',
      tokens: {
        input: expect.any(Number) as number,
        output: expect.any(Number) as number,
        cached: 0,
        reasoning: 0,
        total: expect.any(Number) as number,
      },
      cost: 0,
      latency_ms: expect.any(Number) as number,
      status: 200,
      outcome: 'completed',
      user_id: null,
    });
    await client.leave();
  });

  it('gets the same as server-sent events', async () => {
    const watched = await newKey();
    const socket = await SocketClient.listen(app.origin, watched.id, { key: listening });
    const events = await EventsClient.connect(app.origin, watched.id, { key: listening });
    expect(events.response.status).toBe(200);
    expect(events.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(events.response.headers.get('x-request-id')).toMatch(/^req_/);
    await events.untilOfType('comment');
    await use(app, watched, 3);
    await Promise.all([
      events.untilOfType('request_completed', 3),
      socket.untilOfType('request_completed', 3),
    ]);
    expect(events.ofType('request_completed')).toEqual(socket.ofType('request_completed'));
    expect(events.lastEventId).toBe(socket.ofType('request_completed')[2]?.id);
    await Promise.all([socket.leave(), events.leave()]);
  });
});

describe('a stream that was left', () => {
  it('goes on behind its last event on another instance, with all that came meanwhile', async () => {
    const watched = await newKey();
    const first = await SocketClient.listen(app.origin, watched.id, { key: listening });
    const before = await use(app, watched, 2);
    await first.untilOfType('request_completed', 2);
    await first.leave();
    const meanwhile = await use(other, watched, 3);
    const second = await SocketClient.listen(other.origin, watched.id, {
      key: listening,
      query: { last_event_id: first.lastEventId },
    });
    const after = await use(app, watched, 2);
    await second.untilOfType('request_completed', 5);
    const all = [...before, ...meanwhile, ...after];
    expect([...first.requestIds, ...second.requestIds].toSorted()).toEqual(all.toSorted());
    const events = await EventsClient.connect(app.origin, watched.id, {
      key: listening,
      headers: { 'last-event-id': first.lastEventId },
    });
    await events.untilOfType('request_completed', 5);
    expect(events.requestIds.toSorted()).toEqual([...meanwhile, ...after].toSorted());
    await Promise.all([second.leave(), events.leave()]);
  });
});

describe('a stream that can’t be taken up again', () => {
  const old = `${(Date.now() - 301_000).toString(36)}.1043:1043:.now`;
  const foreign = `${Date.now().toString(36)}.999999999999:999999999999:.now`;

  it.each([
    ['too old', old],
    ['of another server', foreign],
    ['none of ours', 'x'],
    ['none of ours', "1.1:1:' OR 1.now"],
  ])('says what to do first when its last event id is %s', async (_, id) => {
    const watched = await newKey();
    const query = { last_event_id: id };
    const client = await SocketClient.listen(app.origin, watched.id, { key: listening, query });
    expect(client.messages.map(({ type }) => type)).toEqual(['gap', 'heartbeat']);
    expect(client.messages[0]).toEqual({
      type: 'gap',
      message: expect.stringContaining('/analytics') as string,
    });
    const ids = await use(app, watched);
    await client.untilOfType('request_completed');
    expect(client.requestIds).toEqual(ids);
    await client.leave();
  });

  it('refuses what is longer than any id', async () => {
    const { id } = await newKey();
    const query = { last_event_id: '1'.repeat(5_001) };
    expect(await SocketClient.refused(app.origin, id, { key: listening, query })).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });
});

describe('an alert of a limit of cost', () => {
  it('reaches those who watch the key, and those of the organization’s budget all, on any instance', async () => {
    const [watched, unwatched] = [await newKey(), await newKey()];
    const options = { key: listening };
    const here = await SocketClient.listen(app.origin, watched.id, options);
    const there = await EventsClient.connect(other.origin, watched.id, options);
    const apart = await SocketClient.listen(other.origin, unwatched.id, options);
    await there.untilOfType('comment');
    const organizationId = (await app.call('GET', '/v1/key')).body as { organization_id: string };
    const state = {
      subject: 'key' as const,
      subject_id: watched.id,
      window: 'day',
      model: 'm'.repeat(2_000),
      limit: 10,
      used: 8.5,
      reserved: 0,
      remaining: 1.5,
      resets_at: '2026-11-28T00:00:00.000Z',
    };
    const alert = (fields: Partial<LimitState>): void => {
      bus.emit('limits.allowance-reached', {
        organizationId: organizationId.organization_id,
        reached: 'threshold',
        state: { ...state, metric: 'cost', ...fields },
      });
    };
    alert({ metric: 'requests' });
    alert({});
    await there.untilOfType('cost_threshold');
    // Of teams, projects and people that neither key belongs to nobody is told.
    for (const subject of ['team', 'project', 'user'] as const) {
      alert({ subject, subject_id: `${subject}_x` });
    }
    alert({ subject: 'organization', subject_id: 'org_x', model: null });
    await Promise.all([
      here.untilOfType('cost_threshold', 2),
      there.untilOfType('cost_threshold', 2),
      apart.untilOfType('cost_threshold', 1),
    ]);
    expect(here.ofType('cost_threshold')[0]).toEqual({
      type: 'cost_threshold',
      timestamp: expect.any(String) as string,
      key_id: watched.id,
      reached: 'threshold',
      limit: { ...state, model: 'm'.repeat(256) },
    });
    expect(there.ofType('cost_threshold')).toEqual(here.ofType('cost_threshold'));
    expect(apart.ofType('cost_threshold')).toMatchObject([
      { key_id: unwatched.id, limit: { subject: 'organization', model: null } },
    ]);
    await Promise.all([here.leave(), there.leave(), apart.leave()]);
  });

  it('reaches those who watch a key of the team or project, as long as it is one', async () => {
    const people = await People.of(app);
    const [team, project] = [await people.team(), await people.project()];
    await people.close();
    const made = await app.call('POST', '/v1/keys', {
      body: { name: 'shared', scope: { team_id: team, projects: [project] } },
    });
    const { id } = made.body as { id: string };
    const watching = await EventsClient.connect(other.origin, id, { key: listening });
    await watching.untilOfType('comment');
    const { body } = await app.call('GET', '/v1/key');
    const { organization_id: organizationId } = body as { organization_id: string };
    const alert = (subject: 'team' | 'project', subject_id: string): void => {
      const used = { metric: 'cost', window: 'day', model: null, limit: 1, used: 1, reserved: 0 };
      const state = { ...used, subject, subject_id, remaining: 0, resets_at: null };
      bus.emit('limits.allowance-reached', { organizationId, reached: 'limit', state });
    };
    // One after the other: of two at once either may come first.
    alert('team', team);
    await watching.untilOfType('cost_threshold', 1);
    alert('project', project);
    await watching.untilOfType('cost_threshold', 2);
    await app.call('PATCH', `/v1/keys/${id}`, {
      body: { scope: { projects: [] } },
      headers: { prefer: 'wait=10' },
    });
    // Whoever watches is looked after twice a second.
    await sleep(1_500);
    alert('project', project);
    alert('team', team);
    await watching.untilOfType('cost_threshold', 3);
    const subjects = ['team', 'project', 'team'];
    expect(watching.ofType('cost_threshold')).toMatchObject(
      subjects.map((subject) => ({ key_id: id, limit: { subject } })),
    );
    await watching.leave();
  });
});

it('an answer to HEAD has no stream', async () => {
  const { id } = await newKey();
  const answer = await app.call('HEAD', `/v1/keys/${id}/usage/events`, { key: listening });
  expect(answer.status).toBe(200);
});

describe('who is not let in', () => {
  it('gets an ordinary error', async () => {
    const { id } = await newKey();
    const weak = await app.keyWith({ scopes: ['keys:read'] });
    const at = app.origin;
    expect(await SocketClient.refused(at, id)).toMatchObject({
      status: 401,
      code: 'missing_api_key',
      headers: { 'content-type': 'application/json; charset=utf-8', connection: 'close' },
    });
    expect(await SocketClient.refused(at, id, { key: weak })).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
    });
    expect(await SocketClient.refused(at, 'key_x', { key: listening })).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    // The way over the WebSocket is in no list of operations, so its tenancy is looked at here.
    const database = new pg.Client({ connectionString: app.databaseUrl });
    await database.connect();
    await database.query("INSERT INTO organizations (id, name) VALUES ('org_theirs', 'Theirs')");
    await database.query("UPDATE api_keys SET organization_id = 'org_theirs' WHERE id = $1", [id]);
    await database.end();
    expect(await SocketClient.refused(other.origin, id, { key: listening })).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    const own = await newKey();
    const plain = await app.call('GET', `/v1/keys/${own.id}/usage/stream`, { key: listening });
    expect([plain.status, codeOf(plain)]).toEqual([400, 'invalid_request']);
  });
});
