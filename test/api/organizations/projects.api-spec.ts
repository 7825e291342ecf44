import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { ODD_NAMES, REFUSED_NAMES } from './names.harness.js';
import { refusalOf, Structure } from './structure.harness.js';

let ours: Structure;
let team: string;
let theirTeam: string;
beforeAll(async () => {
  ours = await Structure.start();
  team = (await ours.succeed('POST', '/v1/teams', { name: 'A team' })).id;
  theirTeam = (await ours.succeed('POST', '/v1/teams', { name: 'Theirs' }, ours.other.admin)).id;
});
afterAll(() => ours.app.close());

function namesOf({ data }: Record<string, unknown>): string[] {
  return (data as { name: string }[]).map(({ name }) => name);
}

describe('/v1/projects', () => {
  it('makes, answers, changes, lists and deletes a project', async () => {
    const made = await ours.call('POST', '/v1/projects', { name: 'Search', team_id: team });
    expect(made.status).toBe(201);
    const project = made.body as { id: string };
    expect(project).toEqual({
      id: expect.stringMatching(/^project_\w{22}$/) as string,
      name: 'Search',
      description: null,
      team_id: team,
      created_at: expect.stringMatching(/^20.*Z$/) as string,
    });
    const path = `/v1/projects/${project.id}`;
    expect(await ours.succeed('GET', path)).toEqual(project);
    const changed = { ...project, name: 'Find', description: 'x' };
    const changes = { name: 'Find', description: 'x' };
    expect(await ours.succeed('PATCH', path, changes)).toEqual(changed);
    expect(await ours.succeed('PATCH', path, {})).toEqual(changed);
    expect(await ours.succeed('PATCH', path, { team_id: null })).toEqual({
      ...changed,
      team_id: null,
    });
    expect(await ours.succeed('DELETE', path)).toEqual({ id: project.id, deleted: true });
    expect(refusalOf(await ours.call('GET', path))).toEqual([404, 'not_found', null]);
  });

  it('lists those of one team, in pages', async () => {
    for (const [name, of] of [
      ['one', team],
      ['none', null],
      ['two', team],
    ]) {
      await ours.succeed('POST', '/v1/projects', { name, team_id: of });
    }
    expect(namesOf(await ours.succeed('GET', '/v1/projects'))).toEqual(['two', 'none', 'one']);
    const first = await ours.succeed('GET', `/v1/projects?team_id=${team}&limit=1`);
    const query = `?team_id=${team}&cursor=${first.next_cursor as string}`;
    expect(namesOf(first)).toEqual(['two']);
    expect(namesOf(await ours.succeed('GET', `/v1/projects${query}`))).toEqual(['one']);
    for (const nobodys of [theirTeam, newId('team')]) {
      const none = await ours.succeed('GET', `/v1/projects?team_id=${nobodys}`);
      expect(none).toEqual({ data: [], has_more: false, next_cursor: null });
    }
  });

  it.each(ODD_NAMES)('takes the name %j once', async (name) => {
    await ours.succeed('POST', '/v1/projects', { name });
    const again = await ours.call('POST', '/v1/projects', { name });
    expect(refusalOf(again)).toEqual([409, 'conflict', 'name']);
    await ours.succeed('POST', '/v1/projects', { name }, ours.other.admin);
  });

  it.each(REFUSED_NAMES)('400: the name %j', async (name) => {
    const refused = await ours.call('POST', '/v1/projects', { name });
    expect(refusalOf(refused)).toEqual([400, 'invalid_request', 'name']);
  });

  it('404: the team of another organization, as one that does not exist', async () => {
    const { id } = await ours.succeed('POST', '/v1/projects', { name: 'Stays', team_id: team });
    const before = await ours.stored();
    for (const team_id of [theirTeam, newId('team'), "x' OR 1=1"]) {
      for (const [method, path] of [
        ['POST', '/v1/projects'],
        ['PATCH', `/v1/projects/${id}`],
      ] as const) {
        const refused = await ours.call(method, path, { name: 'Moved', team_id });
        expect(refusalOf(refused)).toEqual([404, 'not_found', 'team_id']);
      }
    }
    expect(await ours.stored()).toBe(before);
  });
});
