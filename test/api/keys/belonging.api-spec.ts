import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { People } from '../../support/key-owners.js';

type Made = { readonly id: string; readonly key: string };

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

function create(fields: Record<string, unknown>, key?: string): Promise<Answer> {
  const body = { name: 'key', ...fields };
  return app.call('POST', '/v1/keys', { body, ...(key !== undefined && { key }) });
}

async function make(fields: Record<string, unknown> = {}, key?: string): Promise<Made> {
  const made = await create(fields, key);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Made;
}

/** A key of somebody's own, which makes keys. */
async function makerOf(userId: string, fields: Record<string, unknown> = {}): Promise<Made> {
  const made = await make({
    scopes: ['inference', 'keys:read', 'keys:write', 'usage:read', 'models:read'],
    ...fields,
  });
  await people.give(made.id, userId);
  return made;
}

function paramOf({ body }: Answer): string | undefined {
  return (body as { error?: { param?: string } }).error?.param;
}

async function idsOf(query: string, key?: string): Promise<string[]> {
  const answer = await app.call('GET', `/v1/keys?${query}`, key === undefined ? {} : { key });
  expect(answer.status).toBe(200);
  return (answer.body as { data: Made[] }).data.map(({ id }) => id);
}

describe('POST /v1/keys', () => {
  it('201: a key of a team, for projects, with members', async () => {
    const teamId = await people.team();
    const projects = [await people.project(teamId), await people.project()];
    const [admin, developer] = [await people.user('admin'), await people.user()];
    const scope = { organization_id: people.organizationId, team_id: teamId, projects };
    const members = [
      { user_id: admin, role: 'admin', can_manage_key: true },
      { user_id: developer, role: 'developer', can_manage_key: false },
    ].sort((a, b) => (a.user_id < b.user_id ? -1 : 1));
    const made = await create({ type: 'team', scope, members });
    expect(made.status).toBe(201);
    const { id } = made.body as Made;
    const belonging = { type: 'team', scope, members, owner_id: null, suspended_by: null };
    expect((await app.call('GET', `/v1/keys/${id}`)).body).toMatchObject(belonging);
  });

  it('201: without anything a key is personal, and nobody’s, as it has always been', async () => {
    const made = await create({});
    expect(made.body).toMatchObject({
      type: 'personal',
      owner_id: null,
      scope: { organization_id: people.organizationId, team_id: null, projects: [] },
      members: [],
    });
  });

  it('201: what a key makes belongs where the key does', async () => {
    const teamId = await people.team();
    const project = await people.project(teamId);
    const maker = await make({
      access_level: 'management',
      type: 'team',
      scope: { team_id: teamId, projects: [project] },
    });
    expect((await create({}, maker.key)).body).toMatchObject({
      type: 'team',
      scope: { team_id: teamId, projects: [project] },
    });
    for (const path of ['/v1/api-keys', '/manage/api-keys']) {
      const made = await app.call('POST', path, { key: maker.key, body: { name: path } });
      expect(made.status).toBe(201);
    }
    expect(await idsOf(`team_id=${teamId}`)).toHaveLength(4);
    const userId = await people.user();
    const own = await makerOf(userId);
    expect((await create({}, own.key)).body).toMatchObject({ type: 'personal', owner_id: userId });
  });

  it('400: what is not there, or another organization’s, is refused by name', async () => {
    const elsewhere = await people.otherOrganization();
    const foreignTeam = await people.team(elsewhere);
    const [team, other] = [await people.team(), await people.team()];
    const othersProject = await people.project(other);
    const stranger = await people.user(null);
    const member = await people.user();
    const as = (userId: string) => ({ user_id: userId, role: 'viewer', can_manage_key: false });
    const refused: [Record<string, unknown>, string][] = [
      [{ scope: { organization_id: elsewhere } }, 'scope.organization_id'],
      [{ scope: { team_id: 'team_none' } }, 'scope.team_id'],
      [{ scope: { team_id: foreignTeam } }, 'scope.team_id'],
      [{ type: 'team' }, 'scope.team_id'],
      [{ scope: { projects: ['project_none'] } }, 'scope.projects'],
      [{ scope: { team_id: team, projects: [othersProject] } }, 'scope.projects'],
      [{ members: [as(stranger)] }, 'members[0].user_id'],
      [{ members: [as(member), as(member)] }, 'members[1].user_id'],
      [{ type: 'group' }, 'type'],
    ];
    for (const [fields, param] of refused) {
      const answer = await create(fields);
      expect([answer.status, paramOf(answer)], JSON.stringify(fields)).toEqual([400, param]);
    }
    const mine = await create({ scope: { team_id: foreignTeam } });
    const none = await create({ scope: { team_id: foreignTeam.replace(/.$/, '_') } });
    expect(
      (mine.body as { error: { message: string } }).error.message.replace(foreignTeam, 'T'),
    ).toBe(
      (none.body as { error: { message: string } }).error.message.replace(
        foreignTeam.replace(/.$/, '_'),
        'T',
      ),
    );
  });

  it('403: nobody makes a key for what they don’t belong to', async () => {
    const [team, other] = [await people.team(), await people.team()];
    const [project, otherProject] = [await people.project(), await people.project()];
    const ofTeam = await make({
      access_level: 'management',
      scope: { team_id: team, projects: [project] },
    });
    const userId = await people.user();
    await people.joinTeam(team, userId, { canManageKeys: false });
    const own = await makerOf(userId);
    const refused: [string, Record<string, unknown>, string][] = [
      [ofTeam.key, { scope: { team_id: other } }, 'scope.team_id'],
      [ofTeam.key, { scope: { team_id: null } }, 'scope.team_id'],
      [ofTeam.key, { scope: { projects: [otherProject] } }, 'scope.projects'],
      [own.key, { type: 'service' }, 'type'],
      [own.key, { type: 'standard' }, 'type'],
      [own.key, { type: 'team', scope: { team_id: team } }, 'scope.team_id'],
      [own.key, { scope: { team_id: other } }, 'scope.team_id'],
    ];
    for (const [key, fields, param] of refused) {
      const answer = await create(fields, key);
      const got = [answer.status, codeOf(answer), paramOf(answer)];
      expect(got, JSON.stringify(fields)).toEqual([403, 'escalation_denied', param]);
    }
    expect((await create({ scope: { team_id: team } }, own.key)).status).toBe(201);
  });
});

describe('PATCH /v1/keys/{id}', () => {
  it('200: changes whom a key belongs to, and counts the version up', async () => {
    const team = await people.team();
    const user = await people.user();
    const { id } = await make();
    const path = `/v1/keys/${id}`;
    const member = { user_id: user, role: 'viewer', can_manage_key: false };
    const body = { type: 'service', scope: { team_id: team }, members: [member] };
    expect((await app.call('PATCH', path, { body })).body).toMatchObject({
      type: 'service',
      scope: { team_id: team },
      members: [member],
      version: 2,
    });
    const freed = { scope: { team_id: null }, members: [] };
    expect((await app.call('PATCH', path, { body: freed })).body).toMatchObject({
      type: 'service',
      scope: { team_id: null },
      members: [],
      version: 3,
    });
    const named = await app.call('PATCH', path, { body: { name: 'other' } });
    expect(named.body).toMatchObject({ name: 'other', type: 'service' });
    const refused = await app.call('PATCH', path, { body: { type: 'team' } });
    expect([refused.status, paramOf(refused)]).toEqual([400, 'scope.team_id']);
  });

  it('403: a personal key can’t be made to outlive its owner’s membership by the owner', async () => {
    const own = await makerOf(await people.user());
    const body = { type: 'service' };
    const answer = await app.call('PATCH', `/v1/keys/${own.id}`, { key: own.key, body });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'escalation_denied']);
  });
});

describe('GET /v1/keys', () => {
  it('200: lists those of a team, a project, an owner or a type', async () => {
    const team = await people.team();
    const project = await people.project();
    const userId = await people.user();
    const ofTeam = await make({ type: 'team', scope: { team_id: team, projects: [project] } });
    const service = await make({ type: 'service', scope: { team_id: team } });
    const own = await makerOf(userId);
    expect(await idsOf(`team_id=${team}`)).toEqual([service.id, ofTeam.id]);
    expect(await idsOf(`team_id=${team}&type=team`)).toEqual([ofTeam.id]);
    expect(await idsOf(`project_id=${project}`)).toEqual([ofTeam.id]);
    expect(await idsOf(`owner_id=${userId}`)).toEqual([own.id]);
    expect((await app.call('GET', '/v1/keys?type=group')).status).toBe(400);
  });

  it('200: lists keys that have not been used for so many days', async () => {
    const team = await people.team();
    const scope = { team_id: team };
    const [unused, used, recent, revoked] = [
      await make({ scope }),
      await make({ scope }),
      await make({ scope }),
      await make({ scope }),
    ];
    await app.call('DELETE', `/v1/keys/${revoked.id}`);
    const old = [unused.id, used.id, revoked.id];
    await people.client.query(
      "UPDATE api_keys SET created_at = now() - interval '40 days' WHERE id = ANY ($1)",
      [old],
    );
    await people.client.query(
      `INSERT INTO key_usage_totals (organization_id, key_id, requests, input_tokens, output_tokens, cost_nanos, last_used_at)
       VALUES ($1, $2, 1, 1, 1, 1, now() - interval '10 days')`,
      [people.organizationId, used.id],
    );
    expect(await idsOf(`team_id=${team}&unused_for=30`)).toEqual([unused.id]);
    expect(await idsOf(`team_id=${team}&unused_for=5`)).toEqual(
      [unused.id, used.id].sort().reverse(),
    );
    expect(await idsOf(`team_id=${team}&unused_for=50`)).toEqual([]);
    expect(await idsOf(`team_id=${team}`)).toContain(recent.id);
    expect((await app.call('GET', '/v1/keys?unused_for=0')).status).toBe(400);
  });
});
