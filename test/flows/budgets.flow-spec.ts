import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { allowancesFor, BudgetDirectory, type OrganizationBudgets } from '#modules/limits/index.js';

import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../support/doc-blocks.js';

const ownerless = (keyId: string) => ({ keyId, userId: null, teamId: null, projectIds: [] });

type Instance = { readonly app: TestApp; readonly directory: BudgetDirectory };

/** An application, and the directory inside it that calls read. */
async function startInstance(options?: TestAppOptions): Promise<Instance> {
  const create = vi.spyOn(NestFactory, 'create');
  const app = await startTestApp(options);
  const nest = (await create.mock.results.at(-1)?.value) as INestApplication;
  create.mockRestore();
  return { app, directory: nest.get(BudgetDirectory) };
}

describe('what calls read of budgets', () => {
  let here: Instance;
  let there: Instance;
  let organizationId: string;
  beforeAll(async () => {
    here = await startInstance();
    there = await startInstance({ besides: here.app });
    const { body } = await here.app.call('GET', '/v1/key');
    organizationId = (body as { organization_id: string }).organization_id;
  });
  afterAll(async () => {
    await there.app.close();
    await here.app.close();
  });

  async function put(fields: Record<string, unknown>): Promise<string> {
    const answer = await here.app.call('PUT', '/v1/budgets', {
      body: { window: 'daily', limit: 1, ...fields },
    });
    expect(answer.status).toBe(200);
    return (answer.body as { id: string }).id;
  }

  const limitsOf = (budgets: OrganizationBudgets, keyId = 'key_x'): number[] =>
    allowancesFor(budgets, ownerless(keyId)).map(({ limit }) => limit);

  /** Runs a change of `here`, and answers what both have by then. */
  async function after(change: () => Promise<unknown>): Promise<OrganizationBudgets> {
    const stale = await there.directory.allowancesOf(organizationId);
    await change();
    const known = await here.directory.allowancesOf(organizationId);
    const heard = await vi.waitFor(
      async () => {
        const current = await there.directory.allowancesOf(organizationId);
        expect(current).not.toBe(stale);
        return current;
      },
      { timeout: 5_000, interval: 10 },
    );
    expect(heard).toEqual(known);
    return known;
  }

  it('is at hand without a query, also where there are none', async () => {
    for (const { directory } of [here, there]) {
      const first = await directory.allowancesOf(organizationId);
      expect(allowancesFor(first, ownerless('key_x'))).toEqual([]);
      expect(directory.allowancesOf(organizationId)).toBe(first);
    }
  });

  it('changes on the instance of a change before it is answered, and on the others by a message', async () => {
    const { body } = await here.app.call('POST', '/v1/keys', { body: { name: 'bound' } });
    const { id: keyId } = body as { id: string };
    let budgetId = '';
    const set = (fields: Record<string, unknown>) => async (): Promise<void> => {
      budgetId = await put(fields);
    };
    expect(limitsOf(await after(set({ scope: 'organization' })))).toEqual([1e9]);
    const lowered = await after(set({ scope: 'organization', limit: 0 }));
    expect(limitsOf(lowered)).toEqual([0]);
    const remove = (): Promise<unknown> => here.app.call('DELETE', `/v1/budgets/${budgetId}`);
    expect(limitsOf(await after(remove))).toEqual([]);
    const bound = await after(set({ scope: 'key', scope_id: keyId, limit: '9000000' }));
    expect([limitsOf(bound), limitsOf(bound, keyId)]).toEqual([[], [9e15]]);
    const revoked = await after(() => here.app.call('DELETE', `/v1/keys/${keyId}`));
    expect(limitsOf(revoked, keyId)).toEqual([]);
  });

  it('stays the same object when a budget is set to what it is', async () => {
    const { body } = await here.app.call('POST', '/v1/keys', { body: { name: 'flush' } });
    const { id: keyId } = body as { id: string };
    /** Until both have heard of all that was done before. */
    const flush = async (): Promise<void> => {
      const call = { body: { name: 'flushed' }, headers: { prefer: 'wait=10' } };
      const answer = await here.app.call('PATCH', `/v1/keys/${keyId}`, call);
      expect(answer.body).toMatchObject({ propagation: { acknowledged: 2 } });
    };
    const known = async (): Promise<OrganizationBudgets[]> => {
      await flush();
      return Promise.all(
        [here, there].map(async ({ directory }) => directory.allowancesOf(organizationId)),
      );
    };
    await put({ scope: 'each_key' });
    const before = await known();
    await put({ scope: 'each_key' });
    const after = await known();
    expect(after.map((budgets, index) => budgets === before[index])).toEqual([true, true]);
    expect(after.map((budgets) => limitsOf(budgets))).toEqual([[1e9], [1e9]]);
  });

  it('has nothing of another organization', async () => {
    const other = await here.directory.allowancesOf('org_x');
    expect(limitsOf(other)).toEqual([]);
  });
});

describe.skipIf(!isInstalled('curl'))('docs/budgets.md', () => {
  let app: TestApp;
  let KEY_ID: string;
  beforeAll(async () => {
    app = await startTestApp();
    const { body } = await app.call('POST', '/v1/keys', { body: { name: 'backend' } });
    KEY_ID = (body as { id: string }).id;
  });
  afterAll(() => app.close());

  const commands = blocksOf('docs/budgets.md', 'sh');
  const shown = blocksOf('docs/budgets.md', 'json').map(
    (block) => JSON.parse(block) as Record<string, unknown>,
  );

  async function run(command: string, env: Record<string, string> = {}): Promise<unknown> {
    const script = command.replaceAll('http://127.0.0.1:3000', app.origin);
    const args = ['-e', '-u', '-c', script];
    return JSON.parse(
      await runProgram('sh', args, { env: { KEY: app.masterKey, KEY_ID, ...env } }),
    );
  }

  const ofOneInstallation = {
    id: expect.any(String) as string,
    scope_id: expect.any(String) as string,
    created_at: expect.any(String) as string,
    updated_at: expect.any(String) as string,
  };

  it('sets a budget, changes it, lists and deletes it, and shows what is answered', async () => {
    const [set = '', change = '', ofTeam = '', everyKey = '', list = '', remove = ''] = commands;
    const made = (await run(set)) as Record<string, unknown>;
    expect(made).toEqual({ ...shown[0], ...ofOneInstallation });
    expect(made.scope_id).toBe(KEY_ID);
    expect(await run(change)).toMatchObject({ id: made.id, limit: 50, version: 2 });
    const team = await app.call('POST', '/v1/teams', { body: { name: 'Research' } });
    const { id: TEAM_ID } = team.body as { id: string };
    expect(await run(ofTeam, { TEAM_ID })).toMatchObject({ scope: 'team', scope_id: TEAM_ID });
    expect(await run(everyKey)).toMatchObject({ scope: 'each_key', limit: 5 });
    const { data } = (await run(list)) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toContain(made.id);
    const deleted = await run(remove, { BUDGET_ID: String(made.id) });
    expect(deleted).toEqual({ id: made.id, deleted: true });
  });
});
