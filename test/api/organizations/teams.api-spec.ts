import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { ODD_NAMES, REFUSED_NAMES } from './names.harness.js';
import { refusalOf, Structure } from './structure.harness.js';

let ours: Structure;
beforeAll(async () => {
  ours = await Structure.start();
});
afterAll(() => ours.app.close());

describe('/v1/teams', () => {
  it('makes, answers, changes, lists and deletes a team', async () => {
    const made = await ours.call('POST', '/v1/teams', { name: 'Platform', description: 'All' });
    expect(made.status).toBe(201);
    const team = made.body as { id: string };
    expect(team).toEqual({
      id: expect.stringMatching(/^team_\w{22}$/) as string,
      name: 'Platform',
      description: 'All',
      status: 'active',
      created_at: expect.stringMatching(/^20.*Z$/) as string,
    });
    const path = `/v1/teams/${team.id}`;
    expect(await ours.succeed('GET', path)).toEqual(team);
    const renamed = { ...team, name: 'Infra' };
    expect(await ours.succeed('PATCH', path, { name: 'Infra' })).toEqual(renamed);
    expect(await ours.succeed('PATCH', path, {})).toEqual(renamed);
    const bare = { ...renamed, description: null };
    expect(await ours.succeed('PATCH', path, { description: null })).toEqual(bare);
    expect((await ours.succeed('GET', '/v1/teams')).data).toContainEqual(bare);
    expect(await ours.succeed('DELETE', path)).toEqual({ id: team.id, deleted: true });
    expect(refusalOf(await ours.call('GET', path))).toEqual([404, 'not_found', null]);
    expect(refusalOf(await ours.call('DELETE', path))).toEqual([404, 'not_found', null]);
  });

  it('pages, newest first', async () => {
    for (const name of ['p1', 'p2', 'p3']) await ours.succeed('POST', '/v1/teams', { name });
    const names: unknown[] = [];
    let query = '?limit=1';
    for (let page = 0; page < 3; page++) {
      const { data, next_cursor } = await ours.succeed('GET', `/v1/teams${query}`);
      names.push(...(data as { name: string }[]).map(({ name }) => name));
      query = `?limit=1&cursor=${next_cursor as string}`;
    }
    expect(names).toEqual(['p3', 'p2', 'p1']);
  });

  it.each(ODD_NAMES)('takes the name %j as it is', async (name) => {
    const { id } = await ours.succeed('POST', '/v1/teams', { name });
    expect(await ours.succeed('GET', `/v1/teams/${id}`)).toMatchObject({ name });
    const again = await ours.call('POST', '/v1/teams', { name });
    expect(refusalOf(again)).toEqual([409, 'conflict', 'name']);
  });

  it.each(REFUSED_NAMES)('400: the name %j', async (name) => {
    const refused = [400, 'invalid_request', 'name'];
    expect(refusalOf(await ours.call('POST', '/v1/teams', { name }))).toEqual(refused);
  });

  it('409: a name that another team has, which another organization may have too', async () => {
    const { id } = await ours.succeed('POST', '/v1/teams', { name: 'Taken' });
    const second = await ours.succeed('POST', '/v1/teams', { name: 'Second' });
    const taken = [409, 'conflict', 'name'];
    expect(refusalOf(await ours.call('POST', '/v1/teams', { name: 'Taken' }))).toEqual(taken);
    const rename = await ours.call('PATCH', `/v1/teams/${second.id}`, { name: 'Taken' });
    expect(refusalOf(rename)).toEqual(taken);
    await ours.succeed('PATCH', `/v1/teams/${id}`, { name: 'Taken' });
    await ours.succeed('POST', '/v1/teams', { name: 'Taken' }, ours.other.admin);
  });

  it('409: a team that a project belongs to is not deleted', async () => {
    const { id } = await ours.succeed('POST', '/v1/teams', { name: 'Has one' });
    const project = await ours.succeed('POST', '/v1/projects', { name: 'Of it', team_id: id });
    const refused = await ours.call('DELETE', `/v1/teams/${id}`);
    expect(refusalOf(refused)).toEqual([409, 'conflict', null]);
    await ours.succeed('PATCH', `/v1/projects/${project.id}`, { team_id: null });
    await ours.succeed('DELETE', `/v1/teams/${id}`);
  });

  it('is made once with an Idempotency-Key', async () => {
    const call = { key: ours.admin, body: { name: 'Once' }, headers: { 'idempotency-key': 't' } };
    const first = await ours.app.call('POST', '/v1/teams', call);
    const second = await ours.app.call('POST', '/v1/teams', call);
    expect([first.status, second.status, second.body]).toEqual([201, 201, first.body]);
  });

  it('suspends and resumes, and stays what it was when that is done again', async () => {
    const { id } = await ours.succeed('POST', '/v1/teams', { name: 'Stands' });
    for (const [verb, status] of [
      ['suspend', 'suspended'],
      ['suspend', 'suspended'],
      ['resume', 'active'],
      ['resume', 'active'],
    ]) {
      const changed = await ours.succeed('POST', `/v1/teams/${id}/${verb}`);
      expect(changed).toMatchObject({ id, status });
      expect(await ours.succeed('GET', `/v1/teams/${id}`)).toEqual(changed);
    }
  });

  it('403: who reads writes nothing, and the other way round', async () => {
    const reader = await ours.app.keyWith({ scopes: ['org:read'] });
    const writer = await ours.app.keyWith({ scopes: ['org:write'] });
    const write = await ours.call('POST', '/v1/teams', { name: 'No' }, reader);
    const read = await ours.call('GET', '/v1/teams', undefined, writer);
    for (const refused of [write, read]) {
      expect(refusalOf(refused)).toEqual([403, 'insufficient_scope', null]);
    }
  });
});

describe('/v1/teams/{id}/members', () => {
  let path: string;
  beforeAll(async () => {
    const { id } = await ours.succeed('POST', '/v1/teams', { name: 'Peopled' });
    path = `/v1/teams/${id}/members`;
  });

  it('takes somebody in, changes what they are, lists them and lets them go', async () => {
    const user_id = await ours.person('developer', { name: 'Bo', email: 'bo@example.com' });
    const put = { user_id, role: 'developer', can_manage_keys: true };
    const member = await ours.succeed('PUT', path, put);
    expect(member).toEqual({
      ...put,
      email: 'bo@example.com',
      name: 'Bo',
      created_at: expect.stringMatching(/^20.*Z$/) as string,
    });
    const changed = { ...member, role: 'admin', can_manage_keys: false };
    expect(await ours.succeed('PUT', path, { user_id, role: 'admin' })).toEqual(changed);
    expect((await ours.succeed('GET', path)).data).toEqual([changed]);
    const profile = await ours.succeed('GET', `/v1/members/${user_id}`);
    expect(profile.teams).toMatchObject([
      { name: 'Peopled', role: 'admin', can_manage_keys: false },
    ]);
    await ours.succeed('DELETE', `${path}/${user_id}`);
    expect((await ours.succeed('GET', path)).data).toEqual([]);
    const again = await ours.call('DELETE', `${path}/${user_id}`);
    expect(refusalOf(again)).toEqual([404, 'not_found', null]);
  });

  it('pages', async () => {
    for (const role of ['viewer', 'developer', 'admin']) {
      await ours.succeed('PUT', path, { user_id: await ours.person('viewer'), role });
    }
    const first = await ours.succeed('GET', `${path}?limit=2`);
    const rest = await ours.succeed('GET', `${path}?cursor=${first.next_cursor as string}`);
    const roles = [...(first.data as { role: string }[]), ...(rest.data as { role: string }[])];
    expect(roles.map(({ role }) => role)).toEqual(['admin', 'developer', 'viewer']);
    expect([first.has_more, rest.has_more]).toEqual([true, false]);
  });

  it('404: who is no member of the organization, as one who does not exist', async () => {
    const theirs = await ours.person('viewer', {}, ours.other.id);
    const before = await ours.stored();
    for (const user_id of [theirs, newId('user'), 'x']) {
      const refused = await ours.call('PUT', path, { user_id, role: 'viewer' });
      expect(refusalOf(refused)).toEqual([404, 'not_found', 'user_id']);
    }
    expect(await ours.stored()).toBe(before);
  });

  it('403: a right over keys is given and taken by who has it', async () => {
    const key = await ours.app.keyWith({ scopes: ['org:write', 'org:read'] });
    const user_id = await ours.person('developer');
    const denied = [403, 'escalation_denied', 'can_manage_keys'];
    const put = { user_id, role: 'admin', can_manage_keys: true };
    expect(refusalOf(await ours.call('PUT', path, put, key))).toEqual(denied);
    await ours.succeed('PUT', path, { user_id, role: 'admin' }, key);
    await ours.succeed('PUT', path, put);
    await ours.succeed('PUT', path, { ...put, role: 'viewer' }, key);
    expect(refusalOf(await ours.call('PUT', path, { user_id, role: 'viewer' }, key))).toEqual(
      denied,
    );
    const remove = await ours.call('DELETE', `${path}/${user_id}`, undefined, key);
    expect(refusalOf(remove)).toEqual(denied);
  });

  it.each([
    [{ role: 'viewer' }, 'user_id'],
    [{ user_id: 'user_x' }, 'role'],
    [{ user_id: 'user_x', role: 'owner' }, 'role'],
    [{ user_id: 'user_x', role: 'viewer', can_manage_keys: 'yes' }, 'can_manage_keys'],
    [{ user_id: 'x'.repeat(65), role: 'viewer' }, 'user_id'],
    [{ user_id: 'user_x', role: 'viewer', team_id: 'x' }, 'team_id'],
  ])('400: %j', async (body, param) => {
    const refused = await ours.call('PUT', path, body);
    expect(refusalOf(refused)).toEqual([400, 'invalid_request', param]);
  });
});
