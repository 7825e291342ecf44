/**
 * A key that more than its scopes bounds changes nothing of the whole organization, whatever its scopes are. Every route is
 * asked, of the running application and not of a list, so that a new one is as well.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';
import { dumpDatabase } from '../support/database-dump.js';
import { concretePath, examplesOf, OPERATIONS } from './api-document.js';
import { type AppRoute, documentedPath, withRoutes } from './app-routes.js';

/** With which nothing is done that is not done to the whole organization, or to what is in it. */
const SCOPES: readonly string[] = ['org:write', 'providers:write'];
/** Whoever adds to this list answers for it that the handler looks at whose team's the thing is. */
const OPEN_TO_TEAMS = [
  'POST /v1/projects',
  'PATCH /v1/projects/:id',
  'DELETE /v1/projects/:id',
  'POST /v1/webhooks',
  'PATCH /v1/webhooks/:id',
  'DELETE /v1/webhooks/:id',
  'POST /v1/webhooks/:id/test',
  'POST /v1/webhooks/:id/rotate-secret',
  'POST /v1/webhooks/:id/deliveries/:delivery_id/replay',
  'POST /v1/notification-emails',
  'DELETE /v1/notification-emails/:id',
];
const TOMORROW = new Date(Date.now() + 86_400_000).toISOString();

let app: TestApp;
let writes: readonly AppRoute[];
let own: string;
let other: string;
let projectId: string;
beforeAll(async () => {
  const started = await withRoutes(() => startTestApp());
  ({ app } = started);
  writes = started.routes.filter(
    ({ method, endpoint }) =>
      method !== 'GET' && method !== 'HEAD' && SCOPES.includes(endpoint?.scope ?? ''),
  );
  own = await made('/v1/teams', { name: 'Own' });
  other = await made('/v1/teams', { name: 'Other' });
  projectId = await made('/v1/projects', { name: 'Own', team_id: own });
});
afterAll(() => app.close());

async function made(path: string, body: unknown): Promise<string> {
  const answer = await app.call('POST', path, { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return (answer.body as { id: string }).id;
}

function send({ method, url }: AppRoute, key: string): Promise<Answer> {
  const path = documentedPath(url);
  const operation = OPERATIONS.find((one) => one.method === method && one.path === path);
  const body = Object.values(operation?.requestBody?.content ?? {}).flatMap(examplesOf)[0];
  return app.call(method, concretePath(path), { key, ...(body !== undefined && { body }) });
}

const BOUNDS: readonly (readonly [string, () => Record<string, unknown>])[] = [
  ['a policy', () => ({ permissions: { models: ['sandbox/*'] } })],
  ['an end', () => ({ expires_at: TOMORROW })],
  ['projects', () => ({ scope: { projects: [projectId] } })],
  ['being a test key', () => ({ environment: 'development' })],
  ['a team', () => ({ type: 'team', scope: { team_id: own } })],
  ['a team and projects', () => ({ type: 'team', scope: { team_id: own, projects: [projectId] } })],
];

describe('A key that is bound by', () => {
  it.each(BOUNDS)('%s changes nothing of the organization', async (bound, fields) => {
    const key = await app.keyWith({ access_level: 'admin', ...fields() });
    const isOfTeam = bound.startsWith('a team');
    const before = await stored();
    const open: string[] = [];
    for (const route of writes) {
      const answer = await send(route, key);
      const name = `${route.method} ${route.url}`;
      if (isOfTeam && OPEN_TO_TEAMS.includes(name)) continue;
      if (codeOf(answer) !== 'escalation_denied') open.push(`${name}: ${answer.status}`);
    }
    expect(open).toEqual([]);
    if (!isOfTeam) expect(await stored()).toEqual(before);
  });

  it('nothing but its scopes is not refused as one', async () => {
    const key = await app.keyWith({ access_level: 'admin' });
    const refused: string[] = [];
    for (const route of writes) {
      const answer = await send(route, key);
      if (JSON.stringify(answer.body).includes('only its scopes bound')) refused.push(route.url);
    }
    expect(refused).toEqual([]);
  });
});

describe('The routes', () => {
  it('are there, and those that are open to teams are on the list', () => {
    expect(writes.length).toBeGreaterThan(30);
    const open = writes
      .filter(({ endpoint }) => endpoint?.allowsTeamKeys)
      .map(({ method, url }) => `${method} ${url}`);
    expect(open.toSorted()).toEqual(OPEN_TO_TEAMS.toSorted());
  });
});

describe('A key of a team', () => {
  const code = (answer: Answer): string => codeOf(answer) ?? String(answer.status);

  it('makes, changes and deletes projects of its team, and touches no other', async () => {
    const key = await app.keyWith({ access_level: 'admin', type: 'team', scope: { team_id: own } });
    const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
      app.call(method, path, { key, ...(body !== undefined && { body }) });
    const born = await call('POST', '/v1/projects', { name: 'Born in the team' });
    expect(born).toMatchObject({ status: 201, body: { team_id: own } });
    const path = `/v1/projects/${(born.body as { id: string }).id}`;
    expect(code(await call('PATCH', path, { description: 'x' }))).toBe('200');
    for (const team_id of [other, null]) {
      expect(code(await call('PATCH', path, { team_id }))).toBe('escalation_denied');
      const elsewhere = { name: 'Elsewhere', team_id };
      expect(code(await call('POST', '/v1/projects', elsewhere))).toBe('escalation_denied');
      const id = await made('/v1/projects', { name: `Of ${team_id}`, team_id });
      for (const [method, body] of [['PATCH', { team_id: own }], ['DELETE']] as const) {
        const refused = await call(method, `/v1/projects/${id}`, body);
        expect(code(refused)).toBe('escalation_denied');
      }
      expect((await app.call('GET', `/v1/projects/${id}`)).body).toMatchObject({ team_id });
    }
    expect(code(await call('DELETE', path))).toBe('200');
  });
});

/** All that such keys must leave alone. */
async function stored(): Promise<string> {
  const tables =
    /^(organizations|organization_members|users|roles|teams|team_members|projects|invitations|service_accounts|notification_channels)$/;
  const dump = await dumpDatabase(app.databaseUrl);
  return JSON.stringify(dump.filter(({ table }) => tables.test(table)));
}
