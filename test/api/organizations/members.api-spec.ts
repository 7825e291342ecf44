import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BUILT_IN_ROLES } from '#common/auth/roles.js';
import { newId } from '#common/ids/prefixed-id.js';

import type { Answer } from '../../support/app.js';
import { refusalOf, Structure } from './structure.harness.js';

let ours: Structure;
let master: string;
beforeAll(async () => {
  ours = await Structure.start();
  master = ours.app.masterKey;
});
afterAll(() => ours.app.close());

/** A member is changed in one of these ways. */
const CHANGES: readonly (readonly [method: string, path: string, body?: unknown])[] = [
  ['PATCH', '/v1/members/{id}', { role: 'viewer' }],
  ['POST', '/v1/users/{id}/suspend'],
  ['POST', '/v1/users/{id}/resume'],
  ['DELETE', '/v1/members/{id}'],
];

function change(
  [method, path, body]: (typeof CHANGES)[number],
  id: string,
  key: string,
): Promise<Answer> {
  return ours.call(method, path.replace('{id}', id), body, key);
}

/** Whom the organization has owned by now, whoever they are, taken out past the API. */
async function ownedBy(count: number): Promise<string[]> {
  const owners: string[] = [];
  for (let made = 0; made < count; made++) owners.push(await ours.person('owner'));
  const { data } = await ours.succeed('GET', '/v1/members?limit=200', undefined, master);
  for (const { id, role } of data as { id: string; role: string }[]) {
    if (role !== 'owner' || owners.includes(id)) continue;
    await ours.succeed('DELETE', `/v1/members/${id}`, undefined, master);
  }
  return owners;
}

describe('/v1/members', () => {
  it('lists people with their role and teams, who came last first', async () => {
    const first = await ours.person('viewer', { name: 'Zoë', email: 'zoe@example.com' });
    const second = await ours.person('billing');
    const team = await ours.succeed('POST', '/v1/teams', { name: 'Both' });
    const put = { user_id: first, role: 'viewer', can_manage_keys: true };
    await ours.succeed('PUT', `/v1/teams/${team.id}/members`, put);
    const page = await ours.succeed('GET', '/v1/members?limit=1');
    expect(page).toMatchObject({ data: [{ id: second, role: 'billing', teams: [] }] });
    const rest = await ours.succeed('GET', `/v1/members?cursor=${page.next_cursor as string}`);
    const member = {
      id: first,
      email: 'zoe@example.com',
      name: 'Zoë',
      role: 'viewer',
      status: 'active',
      teams: [{ id: team.id, name: 'Both', role: 'viewer', can_manage_keys: true }],
      created_at: expect.stringMatching(/^20.*Z$/) as string,
    };
    expect(rest.data).toEqual([member]);
    expect(await ours.succeed('GET', `/v1/members/${first}`)).toEqual(member);
  });

  it('gives another role, and takes somebody out of the organization and its teams', async () => {
    const id = await ours.person('viewer');
    const team = await ours.succeed('POST', '/v1/teams', { name: 'Left' });
    await ours.succeed('PUT', `/v1/teams/${team.id}/members`, { user_id: id, role: 'viewer' });
    const changed = await ours.succeed('PATCH', `/v1/members/${id}`, { role: 'auditor' });
    expect(changed).toMatchObject({ id, role: 'auditor' });
    expect(await ours.succeed('DELETE', `/v1/members/${id}`)).toEqual({ id, deleted: true });
    expect(refusalOf(await ours.call('GET', `/v1/members/${id}`))[0]).toBe(404);
    const { data } = await ours.succeed('GET', `/v1/teams/${team.id}/members`);
    expect(data).toEqual([]);
  });

  it('404: a role that is none, or another organization’s, changes nothing', async () => {
    const id = await ours.person('viewer');
    const body = { name: 'Theirs', scopes: ['org:read'] };
    const theirs = await ours.succeed('POST', '/v1/roles', body, ours.other.admin);
    const before = await ours.stored();
    for (const role of [theirs.id, newId('role'), 'Owner', 'boss', 'owner ', '__proto__']) {
      const refused = await ours.call('PATCH', `/v1/members/${id}`, { role });
      expect(refusalOf(refused)).toEqual([404, 'not_found', 'role']);
    }
    expect(await ours.stored()).toBe(before);
  });

  it('404: a member of another organization, as one who does not exist', async () => {
    const theirs = await ours.person('viewer', {}, ours.other.id);
    const before = await ours.stored();
    for (const one of CHANGES) {
      for (const id of [theirs, newId('user')]) {
        expect(refusalOf(await change(one, id, ours.admin))).toEqual([404, 'not_found', null]);
        expect(refusalOf(await change(one, id, master))).toEqual([404, 'not_found', null]);
      }
    }
    expect(await ours.stored()).toBe(before);
  });
});

describe('what a caller may give and take', () => {
  it('403: an administrator’s key touches no owner, and makes none', async () => {
    const [owner = ''] = await ownedBy(2);
    const member = await ours.person('viewer');
    const before = await ours.stored();
    const denied = [403, 'escalation_denied', 'role'];
    for (const one of CHANGES)
      expect(refusalOf(await change(one, owner, ours.admin))).toEqual(denied);
    for (const id of [member, owner]) {
      const make = await ours.call('PATCH', `/v1/members/${id}`, { role: 'owner' });
      expect(refusalOf(make)).toEqual(denied);
    }
    expect(await ours.stored()).toBe(before);
  });

  it.each(BUILT_IN_ROLES)('403: a key with org:write alone leaves a %s alone', async (role) => {
    const key = await ours.app.keyWith({ scopes: ['org:write', 'org:read'] });
    const [id, member] = [await ours.person(role), await ours.person('viewer')];
    const denied = [403, 'escalation_denied', 'role'];
    for (const one of CHANGES) expect(refusalOf(await change(one, id, key))).toEqual(denied);
    const give = await ours.call('PATCH', `/v1/members/${member}`, { role }, key);
    expect(refusalOf(give)).toEqual(denied);
  });

  it('lets a key give what lies within its own scopes', async () => {
    const key = await ours.app.keyWith({ scopes: ['org:write', 'org:read', 'models:read'] });
    const make = (scopes: string[]): Promise<{ id: string }> =>
      ours.succeed('POST', '/v1/roles', { name: `Of ${scopes.join()}`, scopes }, key);
    const [one, two] = [await make(['models:read']), await make(['org:read'])];
    const id = await ours.person(one.id);
    const changed = await ours.succeed('PATCH', `/v1/members/${id}`, { role: two.id }, key);
    expect(changed).toMatchObject({ role: two.id });
  });
});

describe('the last owner', () => {
  const LAST = [409, 'conflict', null];
  const AWAY = CHANGES.filter(([, path]) => !path.endsWith('/resume'));

  it('409: is neither demoted, nor suspended, nor removed, whoever asks', async () => {
    const [owner = ''] = await ownedBy(1);
    const before = await ours.stored();
    for (const one of AWAY) expect(refusalOf(await change(one, owner, master))).toEqual(LAST);
    expect(await ours.stored()).toBe(before);
    await ours.succeed('PATCH', `/v1/members/${owner}`, { role: 'owner' }, master);
  });

  it('409: an owner who is suspended, here or everywhere, does not count', async () => {
    for (const everywhere of [false, true]) {
      const [owner = '', idle = ''] = await ownedBy(2);
      await ours.succeed('POST', `/v1/users/${idle}/suspend`, { everywhere }, master);
      for (const one of AWAY) expect(refusalOf(await change(one, owner, master))).toEqual(LAST);
      await ours.succeed('POST', `/v1/users/${idle}/resume`, { everywhere }, master);
      await ours.succeed('DELETE', `/v1/members/${owner}`, undefined, master);
    }
  });

  it.each(AWAY.map((one) => [`${one[0]} ${one[1]}`, one] as const))(
    'stays when all are changed at once: %s',
    async (_, one) => {
      for (let round = 0; round < 5; round++) {
        const owners = await ownedBy(4);
        const answers = await Promise.all(owners.map((id) => change(one, id, master)));
        const refused = answers.filter(({ status }) => status !== 200);
        expect(refused.map(refusalOf)).toEqual([LAST]);
        const { data } = await ours.succeed('GET', '/v1/members?limit=200');
        const left = (data as { role: string; status: string }[]).filter(
          ({ role, status }) => role === 'owner' && status === 'active',
        );
        expect(left).toHaveLength(1);
      }
    },
  );
});

describe('POST /v1/users/{id}/suspend and resume', () => {
  it('is about the membership in the caller’s organization', async () => {
    const id = await ours.person('developer');
    const stands = { id, status: 'suspended', everywhere: false };
    expect(await ours.succeed('POST', `/v1/users/${id}/suspend`)).toEqual(stands);
    expect(await ours.succeed('POST', `/v1/users/${id}/suspend`, {})).toEqual(stands);
    const shown = await ours.succeed('GET', `/v1/members/${id}`);
    expect(shown).toMatchObject({ status: 'suspended', role: 'developer' });
    await ours.succeed('POST', `/v1/users/${id}/resume`, { everywhere: null });
    expect(await ours.succeed('GET', `/v1/members/${id}`)).toMatchObject({ status: 'active' });
  });

  it('is about the user as a whole with a master key that says so', async () => {
    const id = await ours.person('developer', {}, ours.other.id);
    const body = { everywhere: true };
    const stands = { id, status: 'suspended', everywhere: true };
    expect(await ours.succeed('POST', `/v1/users/${id}/suspend`, body, master)).toEqual(stands);
    const theirs = (): Promise<unknown> =>
      ours.succeed('GET', `/v1/members/${id}`, undefined, ours.other.admin);
    expect(await theirs()).toMatchObject({ status: 'suspended' });
    // What was done everywhere is not undone in one organization.
    await ours.succeed('POST', `/v1/users/${id}/resume`, {}, ours.other.admin);
    expect(await theirs()).toMatchObject({ status: 'suspended' });
    await ours.succeed('POST', `/v1/users/${id}/resume`, body, master);
    expect(await theirs()).toMatchObject({ status: 'active' });
    const nobody = await ours.call('POST', `/v1/users/${newId('user')}/suspend`, body, master);
    expect(refusalOf(nobody)).toEqual([404, 'not_found', null]);
  });

  it('403: nobody else suspends or resumes everywhere', async () => {
    const id = await ours.person('developer');
    for (const verb of ['suspend', 'resume']) {
      const refused = await ours.call('POST', `/v1/users/${id}/${verb}`, { everywhere: true });
      expect(refusalOf(refused)).toEqual([403, 'escalation_denied', 'everywhere']);
    }
  });

  it('400: a field that is none', async () => {
    for (const [body, param] of [
      [{ everywhere: 'true' }, 'everywhere'],
      [{ reason: 'x' }, 'reason'],
    ] as const) {
      const refused = await ours.call('POST', '/v1/users/user_x/suspend', body);
      expect(refusalOf(refused)).toEqual([400, 'invalid_request', param]);
    }
  });
});
