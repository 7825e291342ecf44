/** Whose budgets a key of a team sees and sets. */
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';

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
  for (const elsewhere of [others, { ...terms, scope: 'each_key' }]) {
    const refused = await app.call('PUT', '/v1/budgets', { key, body: elsewhere });
    expect(refused).toMatchObject({ status: 403, body: { error: { code: 'escalation_denied' } } });
  }
  expect((await app.call('DELETE', `/v1/budgets/${otherBudget}`, { key })).status).toBe(404);
  expect((await app.call('DELETE', `/v1/budgets/${ownBudget}`, { key })).status).toBe(200);
});
