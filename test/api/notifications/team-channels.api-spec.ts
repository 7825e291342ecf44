import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { People } from '../../support/key-owners.js';
import { type Receiver, startReceiver } from '../../support/receiver.js';

type Made = { readonly id: string; readonly team_id: string | null };

let app: TestApp;
let people: People;
let receiver: Receiver;
let ours: string;
let theirs: string;
beforeAll(async () => {
  app = await startTestApp();
  people = await People.of(app);
  receiver = await startReceiver();
  [ours, theirs] = [await people.team(), await people.team()];
});
afterAll(async () => {
  await people.close();
  await app.close();
  await receiver.close();
});

const bodyOf = (path: string, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...(path === WEBHOOKS ? { url: receiver.url } : { email: `m${++count}@example.com` }),
  events: ['*'],
  ...fields,
});
let count = 0;
const WEBHOOKS = '/v1/webhooks';
const EMAILS = '/v1/notification-emails';

function add(path: string, fields: Record<string, unknown>, key?: string): Promise<Answer> {
  return app.call('POST', path, { body: bodyOf(path, fields), ...(key !== undefined && { key }) });
}

async function made(path: string, fields: Record<string, unknown>, key?: string): Promise<Made> {
  const answer = await add(path, fields, key);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Made;
}

async function idsOf(path: string, key?: string): Promise<string[]> {
  const answer = await app.call('GET', path, { ...(key !== undefined && { key }) });
  return (answer.body as { data: Made[] }).data.map(({ id }) => id).sort();
}

async function keyOf(fields: Record<string, unknown>): Promise<{ id: string; key: string }> {
  const answer = await app.call('POST', '/v1/keys', { body: { name: 'key', ...fields } });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as { id: string; key: string };
}

async function call(method: string, path: string, body?: object): Promise<void> {
  const answer = await app.call(method, path, { ...(body && { body }) });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
}

/** What a channel is told of the keys, by name, since several things may come about in one millisecond; once all is dispatched. */
async function heardBy({ id }: Made, keyIds: readonly string[]): Promise<string[]> {
  await vi.waitFor(async () => {
    const { rows } = await people.client.query(
      'SELECT FROM notifications WHERE dispatched_at IS NULL',
    );
    expect(rows).toEqual([]);
  }, 15_000);
  const { rows } = await people.client.query<{ type: string }>(
    `SELECT told.type FROM notification_deliveries sent JOIN notifications told ON told.id = sent.notification_id
      WHERE sent.channel_id = $1 AND told.key_id = ANY ($2) ORDER BY told.type`,
    [id, keyIds],
  );
  return rows.map(({ type }) => type);
}

describe.each([WEBHOOKS, EMAILS])('%s of a team', (path) => {
  it('hears of what is about its team’s keys, at the moment when it happens', async () => {
    const all = await made(path, {});
    const mine = await made(path, { team_id: ours });
    const other = await made(path, { team_id: theirs });
    expect([all.team_id, mine.team_id]).toEqual([null, ours]);
    const { id } = await keyOf({ type: 'team', scope: { team_id: ours } });
    await call('POST', `/v1/keys/${id}/rotate`);
    await call('PATCH', `/v1/keys/${id}`, { scope: { team_id: theirs } });
    await call('POST', `/v1/keys/${id}/disable`);
    const ofNobody = await keyOf({});
    await call('DELETE', `/v1/keys/${ofNobody.id}`);
    const keyIds = [id, ofNobody.id];
    expect(await heardBy(mine, keyIds)).toEqual(['key.created', 'key.rotated']);
    expect(await heardBy(other, keyIds)).toEqual(['key.disabled']);
    expect(await heardBy(all, keyIds)).toEqual([
      'key.created',
      'key.created',
      'key.disabled',
      'key.revoked',
      'key.rotated',
    ]);
  });

  it('is found by its team', async () => {
    const team = await people.team();
    const mine = await made(path, { team_id: team });
    await made(path, { team_id: ours });
    expect(await idsOf(`${path}?team_id=${team}`)).toEqual([mine.id]);
    expect(await idsOf(`${path}?team_id=team_x`)).toEqual([]);
  });

  it('is deleted with its team', async () => {
    const team = await people.team();
    const mine = await made(path, { team_id: team });
    await call('DELETE', `/v1/teams/${team}`);
    expect(await idsOf(`${path}?limit=200`)).not.toContain(mine.id);
    const late = await add(path, { team_id: team });
    expect([late.status, late.body]).toMatchObject([
      404,
      { error: { code: 'not_found', param: 'team_id' } },
    ]);
  });

  it('is what a key of a team has: it reaches no others, and makes no others', async () => {
    const team = await people.team();
    const { key } = await keyOf({
      type: 'team',
      scope: { team_id: team },
      scopes: ['org:read', 'org:write'],
    });
    const all = await made(path, {});
    const others = await made(path, { team_id: theirs });
    const own = await made(path, {}, key);
    expect(own.team_id).toBe(team);
    expect(await idsOf(path, key)).toEqual([own.id]);
    expect(await idsOf(`${path}?team_id=${theirs}`, key)).toEqual([]);
    for (const team_id of [null, theirs]) {
      expect(codeOf(await add(path, { team_id }, key))).toBe('escalation_denied');
    }
    for (const { id } of [all, others]) {
      expect(codeOf(await app.call('DELETE', `${path}/${id}`, { key }))).toBe('not_found');
    }
    expect((await app.call('DELETE', `${path}/${own.id}`, { key })).status).toBe(200);
  });

  it('is seen by who is in the team and reaches its keys only', async () => {
    const team = await people.team();
    const mine = await made(path, { team_id: team });
    await made(path, { team_id: theirs });
    const user = await people.user('viewer');
    const { id, key } = await keyOf({ scopes: ['org:read', 'keys:write'] });
    await people.give(id, user);
    await vi.waitFor(async () => expect(await idsOf(path, key)).toEqual([]), 10_000);
    await people.joinTeam(team, user, { canManageKeys: false });
    expect(await idsOf(path, key)).toEqual([mine.id]);
  });
});

describe('a webhook', () => {
  it('is moved to another team, and to none', async () => {
    const { id } = await made(WEBHOOKS, { team_id: ours });
    for (const team_id of [theirs, null]) {
      const moved = await app.call('PATCH', `${WEBHOOKS}/${id}`, { body: { team_id } });
      expect([moved.status, moved.body]).toMatchObject([200, { team_id }]);
    }
    const kept = await app.call('PATCH', `${WEBHOOKS}/${id}`, { body: { description: 'x' } });
    expect(kept.body).toMatchObject({ team_id: null, description: 'x' });
  });

  it('of a key can’t be a team’s', async () => {
    const { id: keyId } = await keyOf({});
    await call('POST', `/v1/keys/${keyId}/rotation`, {
      schedule: '0 3 1 * *',
      notification_channels: [`webhook:${receiver.url}`],
    });
    const list = await app.call('GET', `${WEBHOOKS}?limit=200`);
    const { data } = list.body as { data: { id: string; key_id: string | null }[] };
    const id = data.find(({ key_id: of }) => of === keyId)?.id ?? '';
    const moved = await app.call('PATCH', `${WEBHOOKS}/${id}`, { body: { team_id: ours } });
    expect([moved.status, moved.body]).toMatchObject([
      400,
      { error: { code: 'invalid_request', param: 'team_id' } },
    ]);
  });

  it('of another team is not read, tried, changed or sent again with a key of a team', async () => {
    const { key } = await keyOf({
      type: 'team',
      scope: { team_id: ours },
      scopes: ['org:read', 'org:write'],
    });
    const { id } = await made(WEBHOOKS, { team_id: theirs });
    const routes = [
      ['GET', ''],
      ['GET', '/deliveries'],
      ['POST', '/deliveries/dlv_x/replay'],
      ['POST', '/test'],
      ['POST', '/rotate-secret'],
      ['PATCH', '', { description: 'taken over' }],
      ['PATCH', '', { team_id: ours }],
      ['DELETE', ''],
    ] as const;
    for (const [method, path, body] of routes) {
      const answer = await app.call(method, `${WEBHOOKS}/${id}${path}`, { key, body });
      expect([method, path, answer.status]).toEqual([method, path, 404]);
    }
  });
});

it('an address is told once for all keys, and once for each team', async () => {
  const email = 'everywhere@example.com';
  for (const team_id of [null, ours, theirs]) await made(EMAILS, { email, team_id });
  for (const team_id of [null, ours, theirs]) {
    expect(codeOf(await add(EMAILS, { email: email.toUpperCase(), team_id }))).toBe('conflict');
  }
});
