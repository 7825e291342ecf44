import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { Principal } from '#common/auth/principal.js';
import { SCOPES_OF_ROLE } from '#common/auth/roles.js';
import { scopeMask } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { Memberships, Projects, Teams } from '#modules/organizations/index.js';
import { EventBus } from '#platform/events/event-bus.js';

import { ChangeInvitationService } from '../../src/modules/organizations/invitations/change-invitation.service.js';
import { ChangeMemberService } from '../../src/modules/organizations/members/change-member.service.js';
import { SuspendUserService } from '../../src/modules/organizations/members/suspend-user.service.js';
import { ChangeProjectService } from '../../src/modules/organizations/projects/change-project.service.js';
import { ChangeRoleService } from '../../src/modules/organizations/roles/change-role.service.js';
import { RunOrganizationsService } from '../../src/modules/organizations/run-organizations.service.js';
import { ChangeTeamMemberService } from '../../src/modules/organizations/teams/change-team-member.service.js';
import { ChangeTeamService } from '../../src/modules/organizations/teams/change-team.service.js';
import { insertMember } from '../support/organizations.js';
import { RotationWorld } from './rotation.harness.js';

let world: RotationWorld;
let organizationId: string;
const heard: unknown[] = [];
beforeAll(async () => {
  world = await RotationWorld.create('2026-11-27T09:00:00.000Z');
  ({ organizationId } = world.master);
  const events = world.get(EventBus);
  events.on('organizations.members-changed', (event) => void heard.push(['members', event]));
  events.on('organizations.standing-changed', (event) => void heard.push(['standing', event]));
});
beforeEach(() => heard.splice(0));
afterAll(() => world.close());

function person(role: string, organization = organizationId): Promise<string> {
  return insertMember(world.database.url, organization, { role });
}

/** Somebody who has logged in. */
async function loggedIn(
  role: 'owner' | 'admin' | 'viewer',
): Promise<Principal & { userId: string }> {
  const userId = await person(role);
  const scopes = scopeMask(SCOPES_OF_ROLE[role]);
  const who = { keyId: userId, userId, role, accessLevel: null, scopeMask: scopes };
  return { ...world.master, ...who };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'done',
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
}

const members = (userId: string | null, organization: string | null = organizationId): unknown => [
  'members',
  { organizationId: organization, userId },
];
const standing = (
  of: { teamId?: string; userId?: string },
  organization = organizationId,
): unknown => [
  'standing',
  {
    organizationId: organization,
    teamId: of.teamId ?? null,
    userId: of.userId ?? null,
    serviceAccountId: null,
  },
];

describe('people who have logged in', () => {
  it('make and touch owners when they own the organization themselves', async () => {
    const [owner, admin] = [await loggedIn('owner'), await loggedIn('admin')];
    const [other, member] = [await person('owner'), await person('viewer')];
    const service = world.get(ChangeMemberService);
    expect(await codeOf(service.setRole(admin, other, 'admin'))).toBe('escalation_denied');
    expect(await codeOf(service.setRole(admin, member, 'owner'))).toBe('escalation_denied');
    expect(await codeOf(service.setRole(admin, member, 'admin'))).toBe('done');
    expect(await codeOf(service.setRole(owner, member, 'owner'))).toBe('done');
    for (const id of [member, other]) {
      expect(await codeOf(service.remove(owner, id))).toBe('done');
    }
    expect(await codeOf(service.remove(owner, owner.userId))).toBe('conflict');
  });

  it('that own it and throw each other out at once: one stays, and is the one who was first', async () => {
    const service = world.get(ChangeMemberService);
    for (let round = 0; round < 5; round++) {
      const [one, two] = [await loggedIn('owner'), await loggedIn('owner')];
      await world.sql.query(
        `DELETE FROM organization_members WHERE role = 'owner' AND user_id <> ALL($1)`,
        [[one.userId, two.userId]],
      );
      const codes = await Promise.all([
        codeOf(service.remove(one, two.userId)),
        codeOf(service.setRole(two, one.userId, 'viewer')),
      ]);
      // Who comes second owns nothing any more, whatever their session says.
      expect(codes.toSorted()).toEqual(['done', 'escalation_denied']);
    }
  });

  it('give what they have now, and not what they had', async () => {
    const admin = await loggedIn('admin');
    const invite = (email: string): Promise<unknown> =>
      world.get(ChangeInvitationService).create(admin, { email, role: 'admin' });
    expect(await codeOf(invite('first@example.com'))).toBe('done');
    await world.get(ChangeMemberService).setRole(world.master, admin.userId, 'viewer');
    expect(await codeOf(invite('second@example.com'))).toBe('escalation_denied');
  });
});

describe('a suspended membership', () => {
  it('is said to be so, in that organization alone', async () => {
    const memberships = world.get(Memberships);
    const userId = await person('viewer');
    const elsewhere = await world.get(RunOrganizationsService).create(world.master, 'Elsewhere');
    await world.sql.query(
      `INSERT INTO organization_members (organization_id, user_id, role, created_at, updated_at)
       VALUES ($1, $2, 'viewer', now(), now())`,
      [elsewhere.id, userId],
    );
    const isSuspended = async (): Promise<unknown[]> => {
      const all = await memberships.listAcrossTenants(userId);
      return [organizationId, elsewhere.id].map(
        (id) => all.find((one) => one.organizationId === id)?.isSuspended,
      );
    };
    const suspend = world.get(SuspendUserService);
    await suspend.setStatus(world.master, userId, 'suspended', {});
    expect(await isSuspended()).toEqual([true, false]);
    expect(await memberships.find(organizationId, userId)).toMatchObject({ isSuspended: true });
    heard.splice(0);
    await suspend.setStatus(world.master, userId, 'suspended', { everywhere: true });
    expect(await isSuspended()).toEqual([true, true]);
    expect(heard).toHaveLength(3);
    expect(heard).toEqual(
      expect.arrayContaining([
        members(userId, null),
        standing({ userId }),
        standing({ userId }, elsewhere.id),
      ]),
    );
    await suspend.setStatus(world.master, userId, 'active', { everywhere: true });
    expect(await isSuspended()).toEqual([true, false]);
  });
});

describe('a change', () => {
  it('of a membership is told of once it is so', async () => {
    const [userId, service] = [await person('viewer'), world.get(ChangeMemberService)];
    await service.setRole(world.master, userId, 'admin');
    await service.setStatus(world.master, userId, 'suspended');
    await service.remove(world.master, userId);
    expect(heard).toEqual([
      members(userId),
      standing({ userId }),
      members(userId),
      standing({ userId }),
      members(userId),
    ]);
    heard.splice(0);
    await codeOf(service.setRole(world.master, userId, 'admin'));
    expect(heard).toEqual([]);
  });

  it('of a role reaches all who have it', async () => {
    const roles = world.get(ChangeRoleService);
    const role = await roles.create(world.master, { name: 'Some', scopes: ['org:read'] });
    const userId = await person(role.id);
    await roles.change(world.master, role.id, { scopes: ['org:read', 'audit:read'] });
    expect(heard).toEqual([members(null), standing({})]);
    const found = await world.get(Memberships).find(organizationId, userId);
    expect(found?.scopes).toEqual(['audit:read', 'org:read']);
  });

  it('of a role that takes and gives nothing is told to nobody', async () => {
    const roles = world.get(ChangeRoleService);
    const scopes = ['org:read', 'audit:read'] as const;
    const { id } = await roles.create(world.master, { name: 'Before', scopes: [...scopes] });
    await person(id);
    const changed = await roles.change(world.master, id, { name: 'After', description: 'x' });
    expect(changed).toMatchObject({ name: 'After', description: 'x' });
    await roles.change(world.master, id, { scopes: [...scopes].reverse() });
    expect(heard).toEqual([]);
    await roles.change(world.master, id, { scopes: ['org:read'] });
    expect(heard).toEqual([members(null), standing({})]);
  });

  it('of a team, of who is in it, and of an organization is told of', async () => {
    const teams = world.get(ChangeTeamService);
    const { id: teamId } = await teams.create(organizationId, { name: 'Told of' });
    expect(heard).toEqual([]);
    const userId = await person('viewer');
    await world.get(ChangeTeamMemberService).put(world.master, teamId, {
      user_id: userId,
      role: 'viewer',
    });
    await world.get(ChangeTeamMemberService).delete(world.master, teamId, userId);
    await teams.setStatus(organizationId, teamId, 'suspended');
    expect(heard).toEqual([members(userId), members(userId), members(null), standing({ teamId })]);
    heard.splice(0);
    const organizations = world.get(RunOrganizationsService);
    const { id } = await organizations.create(world.master, 'Told of');
    await organizations.setStatus(world.master, id, 'suspended');
    expect(heard).toEqual([members(null, id), standing({}, id)]);
  });
});

describe('the ports for keys', () => {
  it('know teams, who is in them, and projects, each in its own organization alone', async () => {
    const { id: other } = await world.get(RunOrganizationsService).create(world.master, 'Other');
    const team = await world.get(ChangeTeamService).create(organizationId, { name: 'Ported' });
    const userId = await person('developer');
    const put = { user_id: userId, role: 'developer' as const, can_manage_keys: true };
    await world.get(ChangeTeamMemberService).put(world.master, team.id, put);
    const body = { name: 'Ported', team_id: team.id };
    const project = await world.get(ChangeProjectService).create(world.master, body);
    const [teams, projects] = [world.get(Teams), world.get(Projects)];
    const found = await teams.find(organizationId, team.id);
    expect(found).toMatchObject({ id: team.id, name: 'Ported', status: 'active' });
    const membership = { role: 'developer', canManageKeys: true };
    expect(await teams.membershipOf(organizationId, team.id, userId)).toEqual(membership);
    const ids = [project.id, newId('project')];
    const ported = { id: project.id, name: 'Ported', teamId: team.id };
    expect(await projects.findAll(organizationId, ids)).toMatchObject([ported]);
    expect(await teams.find(other, team.id)).toBeNull();
    expect(await teams.membershipOf(other, team.id, userId)).toBeNull();
    expect(await projects.findAll(other, ids)).toEqual([]);
  });
});
