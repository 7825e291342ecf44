import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { BUILT_IN_ROLES } from '#common/auth/roles.js';
import { SCOPES } from '#common/auth/scopes.js';

import { ODD_NAMES, REFUSED_NAMES } from './names.harness.js';
import { refusalOf, Structure } from './structure.harness.js';

let ours: Structure;
beforeAll(async () => {
  ours = await Structure.start();
});
afterAll(() => ours.app.close());

type Role = { readonly id: string; readonly name: string; readonly scopes: readonly string[] };

const READ = SCOPES.filter((scope) => scope.endsWith(':read'));
/** "Roles as scopes" of the contract, written out. */
const TABLE: Readonly<Record<(typeof BUILT_IN_ROLES)[number], readonly string[]>> = {
  owner: SCOPES,
  admin: SCOPES,
  developer: [
    'inference',
    'keys:read',
    'keys:write',
    'usage:read',
    'deployments:read',
    'models:read',
  ],
  billing: ['billing:read', 'billing:write', 'usage:read'],
  auditor: [...READ, 'audit:export'],
  viewer: READ.filter((scope) => scope !== 'audit:read' && scope !== 'billing:read'),
};

describe('GET /v1/roles', () => {
  it.each(BUILT_IN_ROLES.flatMap((role) => SCOPES.map((scope) => [role, scope] as const)))(
    '%s and %s',
    async (role, scope) => {
      const { scopes } = (await ours.succeed('GET', `/v1/roles/${role}`)) as unknown as Role;
      expect(scopes.includes(scope)).toBe(TABLE[role].includes(scope));
    },
  );

  it('lists its own, newest first, then the built-in ones, in pages of any size', async () => {
    for (const name of ['r1', 'r2']) {
      await ours.succeed('POST', '/v1/roles', { name, scopes: ['org:read'] });
    }
    const expected = ['r2', 'r1', ...BUILT_IN_ROLES];
    for (const limit of [1, 2, 3, 5, 7, 8, 200]) {
      const names: string[] = [];
      let cursor: unknown = null;
      do {
        const query = cursor === null ? '' : `&cursor=${cursor as string}`;
        const page = await ours.succeed('GET', `/v1/roles?limit=${limit}${query}`);
        names.push(...(page.data as Role[]).map(({ name }) => name));
        cursor = page.next_cursor;
      } while (cursor !== null);
      expect([limit, names]).toEqual([limit, expected]);
    }
  });
});

describe('/v1/roles of one’s own', () => {
  it('makes, answers, changes and deletes a role', async () => {
    const scopes = ['usage:read', 'keys:read'];
    const made = await ours.call('POST', '/v1/roles', { name: 'Reader', scopes });
    expect(made.status).toBe(201);
    const role = made.body as Role;
    expect(role).toEqual({
      id: expect.stringMatching(/^role_\w{22}$/) as string,
      name: 'Reader',
      description: null,
      scopes: ['keys:read', 'usage:read'],
      built_in: false,
      created_at: expect.stringMatching(/^20.*Z$/) as string,
    });
    const path = `/v1/roles/${role.id}`;
    expect(await ours.succeed('GET', path)).toEqual(role);
    const less = { ...role, scopes: ['keys:read'] };
    expect(await ours.succeed('PATCH', path, { scopes: ['keys:read'] })).toEqual(less);
    const named = { ...less, name: 'Key reader', description: 'x' };
    const changes = { name: 'Key reader', description: 'x' };
    expect(await ours.succeed('PATCH', path, changes)).toEqual(named);
    expect(await ours.succeed('DELETE', path)).toEqual({ id: role.id, deleted: true });
    for (const method of ['GET', 'DELETE']) {
      expect(refusalOf(await ours.call(method, path))).toEqual([404, 'not_found', null]);
    }
  });

  it('409: one that somebody has, or is invited to, is not deleted', async () => {
    const scopes = ['org:read'];
    const { id } = await ours.succeed('POST', '/v1/roles', { name: 'Had', scopes });
    const inUse = [409, 'conflict', null];
    const remove = (): ReturnType<Structure['call']> => ours.call('DELETE', `/v1/roles/${id}`);
    const member = await ours.person(id);
    expect(refusalOf(await remove())).toEqual(inUse);
    await ours.succeed('PATCH', `/v1/members/${member}`, { role: 'viewer' });
    const body = { email: 'had@example.com', role: id };
    const invitation = await ours.succeed('POST', '/v1/invitations', body);
    expect(refusalOf(await remove())).toEqual(inUse);
    await ours.succeed('DELETE', `/v1/invitations/${invitation.id}`);
    expect((await remove()).status).toBe(200);
  });

  it('403: nobody makes a role of more than they have, or changes one that had more', async () => {
    const held = ['org:write', 'org:read', 'models:read'];
    const key = await ours.app.keyWith({ scopes: held });
    const denied = [403, 'escalation_denied', 'scopes'];
    for (const scope of SCOPES) {
      const body = { name: `Only ${scope}`, scopes: [scope] };
      const made = await ours.call('POST', '/v1/roles', body, key);
      expect([scope, made.status]).toEqual([scope, held.includes(scope) ? 201 : 403]);
      if (made.status === 403) expect(refusalOf(made)).toEqual(denied);
    }
    const broad = { name: 'Broad', scopes: ['org:read', 'keys:write'] };
    const { id } = await ours.succeed('POST', '/v1/roles', broad);
    const path = `/v1/roles/${id}`;
    for (const scopes of [['org:read'], ['org:read', 'keys:write'], ['audit:read']]) {
      expect(refusalOf(await ours.call('PATCH', path, { scopes }, key))).toEqual(denied);
    }
    expect(await ours.succeed('GET', path)).toMatchObject({ scopes: ['keys:write', 'org:read'] });
    await ours.succeed('PATCH', path, { description: 'What it is called is no right' }, key);
  });

  it('409: a name that is taken, also by a built-in role', async () => {
    const scopes = ['org:read'];
    await ours.succeed('POST', '/v1/roles', { name: 'Mine', scopes });
    await ours.succeed('POST', '/v1/roles', { name: 'Mine', scopes }, ours.other.admin);
    const { id } = await ours.succeed('POST', '/v1/roles', { name: 'Other', scopes });
    for (const name of ['Mine', 'owner', 'Admin', 'VIEWER']) {
      for (const [method, path] of [
        ['POST', '/v1/roles'],
        ['PATCH', `/v1/roles/${id}`],
      ] as const) {
        const refused = await ours.call(method, path, { name, scopes });
        expect(refusalOf(refused)).toEqual([409, 'conflict', 'name']);
      }
    }
  });

  it.each(BUILT_IN_ROLES)('404: the built-in %s is neither changed nor deleted', async (role) => {
    const path = `/v1/roles/${role}`;
    const patch = await ours.call('PATCH', path, { scopes: ['org:read'] });
    for (const refused of [patch, await ours.call('DELETE', path)]) {
      expect(refusalOf(refused)).toEqual([404, 'not_found', null]);
    }
  });

  it.each(ODD_NAMES)('takes the name %j once', async (name) => {
    const body = { name, scopes: ['org:read'] };
    await ours.succeed('POST', '/v1/roles', body);
    expect(refusalOf(await ours.call('POST', '/v1/roles', body))).toEqual([
      409,
      'conflict',
      'name',
    ]);
  });

  it.each([
    ...REFUSED_NAMES.map((name) => [{ name, scopes: ['org:read'] }, 'name'] as const),
    [{ name: 'x' }, 'scopes'],
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: ['org:*'] }, 'scopes'],
    [{ name: 'x', scopes: ['org:read', 'org:read'] }, 'scopes'],
    [{ name: 'x', scopes: 'org:read' }, 'scopes'],
    [{ name: 'x', scopes: ['org:read'], built_in: true }, 'built_in'],
  ] as const)('400: %j', async (body, param) => {
    const refused = await ours.call('POST', '/v1/roles', body);
    expect(refusalOf(refused)).toEqual([400, 'invalid_request', param]);
  });
});
