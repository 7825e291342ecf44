/** Whose budgets a key of a team sees and sets. */
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import { insertMember } from '../support/organizations.js';
import { neverIssued } from './tenants.harness.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

async function made(method: string, path: string, body: unknown): Promise<string> {
  const answer = await app.call(method, path, { body });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return (answer.body as { id: string }).id;
}

it('lists and sets those of the key’s team alone', async () => {
  const own = await made('POST', '/v1/teams', { name: 'Own' });
  const other = await made('POST', '/v1/teams', { name: 'Other' });
  const key = await app.keyWith({ access_level: 'admin', type: 'team', scope: { team_id: own } });
  const terms = { window: 'daily', limit: 1 };
  const ownBudget = await made('PUT', '/v1/budgets', { ...terms, scope: 'team', scope_id: own });
  const others = { ...terms, scope: 'team', scope_id: other };
  const otherBudget = await made('PUT', '/v1/budgets', others);
  await made('PUT', '/v1/budgets', { ...terms, scope: 'each_key' });

  const { body } = await app.call('GET', '/v1/budgets', { key });
  expect((body as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual([ownBudget]);
  for (const scope of ['each_key', 'each_user', 'organization']) {
    const refused = await app.call('PUT', '/v1/budgets', { key, body: { ...terms, scope } });
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'escalation_denied' } } });
  }
  expect((await app.call('DELETE', `/v1/budgets/${otherBudget}`, { key })).status).toBe(404);
  expect((await app.call('DELETE', `/v1/budgets/${ownBudget}`, { key })).status).toBe(200);
});

it('answers of what it does not reach as of what is not there, so that nobody learns which ids there are', async () => {
  const own = await made('POST', '/v1/teams', { name: 'Asking' });
  const team_id = await made('POST', '/v1/teams', { name: 'Hidden' });
  const self = (await app.call('GET', '/v1/key')).body as { organization_id: string };
  const hidden = {
    key: await made('POST', '/v1/keys', { name: 'hidden', type: 'team', scope: { team_id } }),
    team: team_id,
    project: await made('POST', '/v1/projects', { name: 'Hidden', team_id }),
    user: await insertMember(app.databaseUrl, self.organization_id),
  };
  const scope = { team_id: own };
  const [ofTeam, everybodys] = [
    await app.keyWith({ access_level: 'admin', type: 'team', scope }),
    app.masterKey,
  ];
  for (const path of ['/v1/budgets', '/manage/budgets']) {
    for (const [of, id] of Object.entries(hidden)) {
      const ask = async (key: string, scope_id: string): Promise<readonly [number, string]> => {
        const body = { scope: of, scope_id, window: 'daily', limit: 1 };
        const answer = await app.call('PUT', path, { key, body });
        const text = JSON.stringify(answer.body).replaceAll(scope_id, '<id>');
        return [answer.status, text.replace(/req_\w+/, '<request>')];
      };
      const missing = await ask(ofTeam, neverIssued(id));
      expect(missing).toMatchObject([404, expect.stringContaining('There is no')]);
      expect([of, await ask(ofTeam, id)]).toEqual([of, missing]);
      expect((await ask(everybodys, id))[0]).toBe(200);
    }
  }
});
