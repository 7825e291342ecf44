import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { ODD_NAMES, REFUSED_NAMES } from './names.harness.js';
import { type Body, refusalOf, Structure } from './structure.harness.js';

const PATH = '/v1/service-accounts';

let ours: Structure;
beforeAll(async () => {
  ours = await Structure.start();
});
afterAll(() => ours.app.close());

let made = 0;
function make(fields: Record<string, unknown> = {}, key = ours.admin): Promise<Body> {
  return ours.succeed('POST', PATH, { name: `a${made++}`, role: 'developer', ...fields }, key);
}

/** Of which no more than this, and the two scopes over the organization, is somebody's. */
function keyWith(...scopes: string[]): Promise<string> {
  return ours.app.keyWith({ scopes: ['org:read', 'org:write', ...scopes] });
}

async function namesOf(query: string): Promise<string[]> {
  const { data } = await ours.succeed('GET', `${PATH}?${query}`);
  return (data as { name: string }[]).map(({ name }) => name);
}

describe('/v1/service-accounts', () => {
  it('makes, answers, changes, suspends, resumes, lists and deletes an account', async () => {
    const team = await ours.succeed('POST', '/v1/teams', { name: 'Batch' });
    const self = await ours.succeed('GET', '/v1/key');
    const answer = await ours.call('POST', PATH, {
      name: 'nightly',
      description: 'Reports',
      role: 'viewer',
      team_id: team.id,
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('etag')).toBe('"1"');
    const account = answer.body as Body;
    const time = expect.stringMatching(/^20.*Z$/) as string;
    expect(account).toEqual({
      id: expect.stringMatching(/^sa_\w{22}$/) as string,
      name: 'nightly',
      description: 'Reports',
      team_id: team.id,
      role: 'viewer',
      status: 'active',
      created_by: self.id,
      created_at: time,
      updated_at: time,
      version: 1,
    });
    const path = `${PATH}/${account.id}`;
    expect(await ours.succeed('GET', path)).toEqual(account);
    const changes = { name: 'hourly', description: null, role: 'auditor' };
    const changed = await ours.succeed('PATCH', path, changes);
    expect(changed).toEqual({ ...account, ...changes, updated_at: time, version: 2 });
    const suspended = await ours.succeed('POST', `${path}/suspend`);
    expect(suspended).toMatchObject({ status: 'suspended', version: 3 });
    expect(await ours.succeed('POST', `${path}/suspend`)).toEqual(suspended);
    expect(await namesOf('status=suspended')).toEqual(['hourly']);
    const resumed = await ours.succeed('POST', `${path}/resume`);
    expect(resumed).toMatchObject({ status: 'active', version: 4 });
    expect(await ours.succeed('POST', `${path}/resume`)).toEqual(resumed);
    expect(await namesOf(`team_id=${team.id}`)).toEqual(['hourly']);
    expect(await namesOf('status=suspended')).toEqual([]);
    expect(refusalOf(await ours.call('DELETE', `/v1/teams/${team.id}`))).toEqual([
      409,
      'conflict',
      null,
    ]);
    expect(await ours.succeed('DELETE', path)).toEqual({ id: account.id, deleted: true });
    for (const method of ['GET', 'DELETE']) {
      expect(refusalOf(await ours.call(method, path))).toEqual([404, 'not_found', null]);
    }
    await ours.succeed('DELETE', `/v1/teams/${team.id}`);
  });

  it('pages, newest first, and finds one by its name', async () => {
    for (const name of ['p1', 'p2', 'p3']) await make({ name });
    const names: unknown[] = [];
    let query = '?limit=1';
    for (let page = 0; page < 3; page++) {
      const { data, next_cursor } = await ours.succeed('GET', `${PATH}${query}`);
      names.push(...(data as { name: string }[]).map(({ name }) => name));
      query = `?limit=1&cursor=${next_cursor as string}`;
    }
    expect(names).toEqual(['p3', 'p2', 'p1']);
    expect(await namesOf('name=p2')).toEqual(['p2']);
    expect(refusalOf(await ours.call('GET', `${PATH}?status=gone`))).toEqual([
      400,
      'invalid_request',
      'status',
    ]);
  });

  it.each(ODD_NAMES)('takes the name %j as it is', async (name) => {
    const { id } = await make({ name });
    expect(await ours.succeed('GET', `${PATH}/${id}`)).toMatchObject({ name });
  });

  it.each(REFUSED_NAMES)('400: the name %j', async (name) => {
    const refused = [400, 'invalid_request', 'name'];
    const body = { name, role: 'viewer' };
    expect(refusalOf(await ours.call('POST', PATH, body))).toEqual(refused);
  });

  it('409: a name that another has, until that is deleted; of ten at once one gets it', async () => {
    const taken = [409, 'conflict', 'name'];
    const first = await make({ name: 'Taken' });
    const second = await make();
    const body = { name: 'Taken', role: 'viewer' };
    expect(refusalOf(await ours.call('POST', PATH, body))).toEqual(taken);
    const rename = await ours.call('PATCH', `${PATH}/${second.id}`, { name: 'Taken' });
    expect(refusalOf(rename)).toEqual(taken);
    const theirs = await ours.call('POST', PATH, body, ours.other.admin);
    expect(theirs.status).toBe(201);
    await ours.succeed('DELETE', `${PATH}/${first.id}`);
    const race = await Promise.all(Array.from({ length: 10 }, () => ours.call('POST', PATH, body)));
    expect(race.map(({ status }) => status).toSorted()).toEqual([
      201,
      ...Array.from({ length: 9 }, () => 409),
    ]);
    expect(await namesOf('name=Taken')).toHaveLength(1);
  });

  it('404: a role or a team that is none, or another organization’s; 400: an owner', async () => {
    const role = await ours.succeed(
      'POST',
      '/v1/roles',
      { name: 'Theirs', scopes: ['org:read'] },
      ours.other.admin,
    );
    const team = await ours.succeed('POST', '/v1/teams', { name: 'T' }, ours.other.admin);
    const { id } = await make();
    for (const fields of [{ role: role.id }, { role: newId('role') }, { role: 'boss' }]) {
      const body = { name: 'x', ...fields };
      expect(refusalOf(await ours.call('POST', PATH, body))).toEqual([404, 'not_found', 'role']);
      const change = await ours.call('PATCH', `${PATH}/${id}`, fields);
      expect(refusalOf(change)).toEqual([404, 'not_found', 'role']);
    }
    for (const team_id of [team.id, newId('team')]) {
      const body = { name: 'x', role: 'viewer', team_id };
      expect(refusalOf(await ours.call('POST', PATH, body))).toEqual([404, 'not_found', 'team_id']);
    }
    const owner = [400, 'invalid_request', 'role'];
    const body = { name: 'x', role: 'owner' };
    expect(refusalOf(await ours.call('POST', PATH, body, ours.app.masterKey))).toEqual(owner);
    expect(refusalOf(await ours.call('PATCH', `${PATH}/${id}`, { role: 'owner' }))).toEqual(owner);
    const moved = await ours.call('PATCH', `${PATH}/${id}`, { team_id: team.id });
    expect(refusalOf(moved)).toEqual([400, 'invalid_request', 'team_id']);
  });

  it('403: nobody gives, takes or touches a role beyond their own', async () => {
    const weak = await keyWith('usage:read', 'keys:read');
    const denied = [403, 'escalation_denied', 'role'];
    const within = await ours.succeed('POST', '/v1/roles', {
      name: 'Reads usage',
      scopes: ['usage:read'],
    });
    const mine = await make({ role: within.id }, weak);
    const strong = await make({ role: 'admin' });
    const ask = async (method: string, path: string, body?: unknown): Promise<unknown[]> =>
      refusalOf(await ours.call(method, `${PATH}${path}`, body, weak));
    expect(await ask('POST', '', { name: 'x', role: 'developer' })).toEqual(denied);
    expect(await ask('PATCH', `/${mine.id}`, { role: 'developer' })).toEqual(denied);
    expect(await ask('PATCH', `/${strong.id}`, { role: within.id })).toEqual(denied);
    expect(await ask('PATCH', `/${strong.id}`, { name: 'x' })).toEqual(denied);
    expect(await ask('POST', `/${strong.id}/suspend`)).toEqual(denied);
    expect(await ask('POST', `/${strong.id}/resume`)).toEqual(denied);
    expect(await ask('DELETE', `/${strong.id}`)).toEqual(denied);
    expect(await ours.succeed('GET', `${PATH}/${strong.id}`)).toEqual(strong);
    await ours.succeed('POST', `${PATH}/${mine.id}/suspend`, undefined, weak);
    await ours.succeed('DELETE', `${PATH}/${mine.id}`, undefined, weak);
    const bounded = await ours.app.keyWith({
      access_level: 'admin',
      permissions: { models: ['sandbox/*'] },
    });
    const refused = await ours.call('POST', PATH, { name: 'x', role: 'viewer' }, bounded);
    expect(refusalOf(refused)).toEqual([403, 'escalation_denied', null]);
  });

  it('409: a role that an account has is not deleted', async () => {
    const role = await ours.succeed('POST', '/v1/roles', { name: 'Used', scopes: ['org:read'] });
    const { id } = await make({ role: role.id });
    const used = await ours.call('DELETE', `/v1/roles/${role.id}`);
    expect(refusalOf(used)).toEqual([409, 'conflict', null]);
    await ours.succeed('DELETE', `${PATH}/${id}`);
    await ours.succeed('DELETE', `/v1/roles/${role.id}`);
  });

  it('412: a change that is meant for another version', async () => {
    const { id } = await make();
    const ask = (version: string): Promise<{ status: number }> =>
      ours.app.call('PATCH', `${PATH}/${id}`, {
        key: ours.admin,
        body: { description: version },
        headers: { 'if-match': version },
      });
    expect(await ask('"7"')).toMatchObject({ status: 412 });
    expect(await ask('"1"')).toMatchObject({ status: 200 });
    expect(await ask('"1"')).toMatchObject({ status: 412 });
  });

  it('404: another organization’s, which stays as it is', async () => {
    const { id } = await make({}, ours.other.admin);
    const before = await ours.stored();
    for (const [method, path, body] of [
      ['GET', ''],
      ['PATCH', '', { name: 'stolen' }],
      ['DELETE', ''],
      ['POST', '/suspend'],
      ['POST', '/resume'],
    ] as const) {
      const answer = await ours.call(method, `${PATH}/${id}${path}`, body);
      expect(refusalOf(answer)).toEqual([404, 'not_found', null]);
    }
    expect(await ours.stored()).toBe(before);
  });

  it('403: without org:read and org:write', async () => {
    const reader = await ours.app.keyWith({ scopes: ['org:read'] });
    const stranger = await ours.app.keyWith({ scopes: ['keys:read'] });
    const body = { name: 'x', role: 'viewer' };
    expect((await ours.call('POST', PATH, body, reader)).status).toBe(403);
    expect((await ours.call('GET', PATH, undefined, reader)).status).toBe(200);
    expect((await ours.call('GET', PATH, undefined, stranger)).status).toBe(403);
  });
});
