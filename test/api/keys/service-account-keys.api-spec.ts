import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { type Answer, startTestApp, type TestApp } from '../../support/app.js';
import { People } from '../../support/key-owners.js';

type Made = {
  readonly id: string;
  readonly key: string;
  readonly type: string;
  readonly scopes: string[];
};

let app: TestApp;
let people: People;
beforeAll(async () => {
  app = await startTestApp();
  people = await People.of(app);
});
afterAll(async () => {
  await people.close();
  await app.close();
});

let accounts = 0;
async function account(fields: Record<string, unknown> = {}): Promise<string> {
  const body = { name: `a${accounts++}`, role: 'developer', ...fields };
  const made = await app.call('POST', '/v1/service-accounts', { body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return (made.body as { id: string }).id;
}

/** A key of an account, by whoever has `key`. */
function create(
  id: string | null,
  fields: Record<string, unknown> = {},
  key?: string,
): Promise<Answer> {
  const { scope, ...others } = fields as { scope?: object };
  const body = { name: 'key', scope: { service_account_id: id, ...scope }, ...others };
  return app.call('POST', '/v1/keys', { body, ...(key !== undefined && { key }) });
}

async function make(id: string | null, fields = {}, key?: string): Promise<Made> {
  const made = await create(id, fields, key);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Made;
}

/** A developer's own key, which makes keys. */
async function developer(): Promise<{ userId: string; key: string }> {
  const userId = await people.user();
  const { id, key } = await make(null, {
    scopes: ['inference', 'keys:read', 'keys:write', 'models:read'],
  });
  await people.give(id, userId);
  await people.tell(null, userId);
  await people.tell(null, null);
  return { userId, key };
}

function patch(id: string, body: unknown, key?: string): Promise<Answer> {
  return app.call('PATCH', `/v1/keys/${id}`, { body, ...(key !== undefined && { key }) });
}

function refusal({ status, body }: Answer): unknown[] {
  const { error } = body as { error?: { param?: string } };
  return [status, error?.param];
}

async function scopesOf(key: string): Promise<number[]> {
  const calls = ['/v1/models', '/v1/keys', '/v1/usage/current', '/v1/service-accounts'];
  const answers = await Promise.all(calls.map((path) => app.call('GET', path, { key })));
  return answers.map(({ status }) => status);
}

const ACCOUNT = 'scope.service_account_id';

describe('a key of a service account', () => {
  it('is of type service, nobody’s own, in the account’s team, and listed by it', async () => {
    const team = await people.team();
    const id = await account({ team_id: team });
    const { key, ...made } = await make(id);
    expect(key).toMatch(/^pr-/);
    const scope = { team_id: team, service_account_id: id, projects: [] };
    expect(made).toMatchObject({ type: 'service', scope, owner_id: null, suspended_by: null });
    await make(null);
    const listed = await app.call('GET', `/v1/keys?service_account_id=${id}`);
    const { data } = listed.body as { data: Made[] };
    expect(data.map((one) => one.id)).toEqual([made.id]);
    const none = await app.call('GET', `/v1/keys?service_account_id=${newId('serviceAccount')}`);
    expect(none.body).toMatchObject({ data: [] });
  });

  it('makes keys of its account only', async () => {
    const id = await account();
    const maker = await make(id, {
      scopes: ['keys:read', 'keys:write', 'inference', 'models:read'],
    });
    const child = await app.call('POST', '/v1/keys', { key: maker.key, body: { name: 'child' } });
    expect(child.body).toMatchObject({ type: 'service', scope: { service_account_id: id } });
    for (const path of ['/v1/api-keys', '/manage/api-keys']) {
      const made = await app.call('POST', path, { key: maker.key, body: { name: path } });
      expect(made.status).toBe(201);
    }
    const listed = await app.call('GET', `/v1/keys?service_account_id=${id}`);
    expect((listed.body as { data: unknown[] }).data).toHaveLength(4);
    for (const other of [null, await account()]) {
      expect(refusal(await create(other, {}, maker.key))).toEqual([403, ACCOUNT]);
      const moved = await patch(maker.id, { scope: { service_account_id: other } }, maker.key);
      expect(refusal(moved)).toEqual([403, ACCOUNT]);
    }
    expect(refusal(await create(id, { type: 'personal' }, maker.key))).toEqual([400, 'type']);
  });

  it('400: of an account that is none, is gone or another organization’s, or against its team', async () => {
    const other = await people.otherOrganization();
    const foreign = newId('serviceAccount');
    await people.client.query(
      `INSERT INTO service_accounts (id, organization_id, name, role, created_by, created_at, updated_at)
       VALUES ($1, $2, 'theirs', 'viewer', 'key_1', now(), now())`,
      [foreign, other],
    );
    const gone = await account();
    await app.call('DELETE', `/v1/service-accounts/${gone}`);
    const { id: own } = await make(null);
    for (const id of [foreign, gone, newId('serviceAccount')]) {
      expect(refusal(await create(id))).toEqual([400, ACCOUNT]);
      const moved = await patch(own, { scope: { service_account_id: id } });
      expect(refusal(moved)).toEqual([400, ACCOUNT]);
    }
    const teamed = await account({ team_id: await people.team() });
    for (const team_id of [null, await people.team()]) {
      expect(refusal(await create(teamed, { scope: { team_id } }))).toEqual([400, 'scope.team_id']);
    }
    expect(refusal(await create(teamed, { type: 'team' }))).toEqual([400, 'type']);
  });

  it('403: beyond the role of its account, also by a change', async () => {
    const id = await account({ role: 'viewer' });
    expect(refusal(await create(id))).toEqual([403, 'access_level']);
    expect(refusal(await create(id, { scopes: ['keys:write'] }))).toEqual([403, 'scopes']);
    const admin = await account({ role: 'admin' });
    expect(refusal(await create(admin, { access_level: 'master' }))).toEqual([403, 'access_level']);
    const reader = await make(id, { scopes: ['keys:read'] });
    expect(refusal(await patch(reader.id, { scopes: ['keys:write'] }))).toEqual([403, 'scopes']);
    expect(refusal(await patch(reader.id, { access_level: 'admin' }))).toEqual([
      403,
      'access_level',
    ]);
    expect((await patch(reader.id, { scopes: ['usage:read'] })).status).toBe(200);
    const writer = await make(null, { scopes: ['keys:write'] });
    const moved = await patch(writer.id, { scope: { service_account_id: id } });
    expect(refusal(moved)).toEqual([403, 'scopes']);
    expect((await patch(writer.id, { scope: { service_account_id: admin } })).body).toMatchObject({
      type: 'service',
      scope: { service_account_id: admin },
    });
  });

  it('follows the role of its account, and the role what it consists of', async () => {
    const role = await app.call('POST', '/v1/roles', {
      body: { name: 'Pipeline', scopes: ['keys:read', 'usage:read', 'models:read'] },
    });
    const { id: roleId } = role.body as { id: string };
    const id = await account({ role: roleId });
    const { key } = await make(id, { scopes: ['models:read', 'keys:read', 'usage:read'] });
    expect(await scopesOf(key)).toEqual([200, 200, 200, 403]);
    await app.call('PATCH', `/v1/roles/${roleId}`, { body: { scopes: ['models:read'] } });
    expect(await scopesOf(key)).toEqual([200, 403, 403, 403]);
    await app.call('PATCH', `/v1/service-accounts/${id}`, { body: { role: 'billing' } });
    expect(await scopesOf(key)).toEqual([403, 403, 200, 403]);
    // Never more than the key was made with.
    await app.call('PATCH', `/v1/service-accounts/${id}`, { body: { role: 'admin' } });
    expect(await scopesOf(key)).toEqual([200, 200, 200, 403]);
  });

  it('gives no role back that was taken from its account, and doesn’t resume it', async () => {
    const id = await account({ role: 'admin' });
    const { key } = await make(id, { access_level: 'admin' });
    const path = `/v1/service-accounts/${id}`;
    expect((await app.call('PATCH', path, { key, body: { description: 'me' } })).status).toBe(200);
    expect((await app.call('GET', path, { key })).status).toBe(200);
    // As on an instance that has not heard of it yet.
    await people.client.query(`UPDATE service_accounts SET role = 'viewer' WHERE id = $1`, [id]);
    const back = await app.call('PATCH', path, { key, body: { role: 'admin' } });
    expect(refusal(back)).toEqual([403, 'role']);
    await people.client.query(`UPDATE service_accounts SET status = 'suspended' WHERE id = $1`, [
      id,
    ]);
    expect(refusal(await app.call('POST', `${path}/resume`, { key }))).toEqual([403, 'role']);
  });

  it('is made by whoever manages the keys of its team; those of no team by who reaches all', async () => {
    const team = await people.team();
    const [teamed, loose] = [await account({ team_id: team }), await account()];
    const { userId, key } = await developer();
    expect(refusal(await create(teamed, {}, key))).toEqual([403, 'scope.team_id']);
    await people.joinTeam(team, userId, { canManageKeys: true });
    const { id } = await make(teamed, {}, key);
    expect(refusal(await create(loose, {}, key))).toEqual([403, ACCOUNT]);
    expect(refusal(await create(loose, { scope: { team_id: team } }, key))).toEqual([403, ACCOUNT]);
    // Else they could bring it back when the account is suspended.
    const taken = await patch(id, { scope: { service_account_id: null } }, key);
    expect(refusal(taken)).toEqual([403, ACCOUNT]);
    expect((await patch(id, { name: 'renamed' }, key)).status).toBe(200);
    expect((await patch(id, { scope: { service_account_id: null } })).body).toMatchObject({
      type: 'service',
      scope: { service_account_id: null, team_id: team },
    });
  });

  it('in a team reaches the keys of that team only', async () => {
    const team = await people.team();
    const id = await account({ team_id: team });
    const { key, id: own } = await make(id, { scopes: ['keys:read'] });
    const outside = await make(null);
    const listed = await app.call('GET', '/v1/keys?limit=200', { key });
    expect((listed.body as { data: Made[] }).data.map((one) => one.id)).toEqual([own]);
    expect((await app.call('GET', `/v1/keys/${outside.id}`, { key })).status).toBe(404);
  });
});
