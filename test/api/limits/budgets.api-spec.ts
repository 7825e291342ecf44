import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { People } from '../../support/key-owners.js';

type Budget = {
  id: string;
  scope_id: string | null;
  limit: number;
  version: number;
  created_at: string;
};
type Page = { data: Budget[]; has_more: boolean; next_cursor: string | null };

let app: TestApp;
let organizationId: string;
let people: People;
beforeAll(async () => {
  app = await startTestApp();
  const { body } = await app.call('GET', '/v1/key');
  organizationId = (body as { organization_id: string }).organization_id;
  people = await People.of(app);
});
afterAll(async () => {
  await people.close();
  await app.close();
});

async function subjects() {
  return [
    ['team', await people.team()],
    ['project', await people.project()],
    ['user', await people.user()],
  ] as const;
}

async function newKey(): Promise<{ id: string; key: string; name: string }> {
  const name = newId('key');
  const { body } = await app.call('POST', '/v1/keys', { body: { name } });
  return body as { id: string; key: string; name: string };
}

async function forKey(fields: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  return { scope: 'key', scope_id: (await newKey()).id, window: 'daily', limit: 1, ...fields };
}

function put(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return app.call('PUT', '/v1/budgets', { body, headers });
}

async function set(body: unknown): Promise<Budget> {
  const answer = await put(body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body as Budget;
}

async function budgetsOf(query = '?limit=200'): Promise<Budget[]> {
  return ((await app.call('GET', `/v1/budgets${query}`)).body as Page).data;
}

const time = expect.stringMatching(/^20.*Z$/) as string;

describe('PUT /v1/budgets', () => {
  it('200: answers the budget', async () => {
    const body = await forKey({ model: 'gpt-*', limit: '25.50', alert_threshold: 0.8 });
    const answer = await put(body);
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        id: expect.stringMatching(/^bud_[0-9A-Za-z]{22}$/) as string,
        scope: 'key',
        scope_id: body.scope_id,
        window: 'daily',
        model: 'gpt-*',
        limit: 25.5,
        alert_threshold: 0.8,
        created_at: time,
        updated_at: time,
        version: 1,
      },
    ]);
    expect(answer.headers.get('etag')).toBe('"1"');
  });

  it.each([
    [0, 0],
    ['0', 0],
    ['0.000000001', 1e-9],
    [1e-9, 1e-9],
    [9_000_000, 9_000_000],
    ['1234.567890123', 1_234.567890123],
  ])('200: a limit of %j', async (limit, expected) => {
    expect((await set(await forKey({ limit }))).limit).toBe(expected);
  });

  it('200: a revoked key’s', async () => {
    const body = await forKey();
    await app.call('DELETE', `/v1/keys/${body.scope_id as string}`);
    await set(body);
  });

  it('200: the organization’s, named or not, and each key’s', async () => {
    const body = { scope: 'organization', window: 'monthly', limit: 100 };
    const unnamed = await set(body);
    expect(unnamed).toMatchObject({ scope_id: organizationId, model: null });
    expect(await set({ ...body, scope_id: organizationId })).toEqual(unnamed);
    expect(await set({ ...body, scope: 'each_key' })).toMatchObject({ scope_id: null });
  });

  it('200: the same again is the same budget, and no change', async () => {
    const body = await forKey({ model: 'a*', alert_threshold: 0.5 });
    const first = await set(body);
    expect(await set(body)).toEqual(first);
    expect(await set({ ...body, limit: '1.000' })).toEqual(first);
    const ours = (await budgetsOf()).filter(({ id }) => id === first.id);
    expect(ours).toEqual([first]);
  });

  it('200: other terms replace those that the budget had', async () => {
    const body = await forKey({ alert_threshold: 0.5 });
    const { id, created_at } = await set(body);
    const changed = await set({ ...body, limit: 2, alert_threshold: null });
    expect(changed).toMatchObject({ id, created_at, limit: 2, alert_threshold: null, version: 2 });
    expect((await budgetsOf()).find((one) => one.id === id)).toEqual(changed);
  });

  it('200: another window, other models or another key make another budget', async () => {
    const body = await forKey();
    const ids = new Set([(await set(body)).id]);
    for (const other of [
      { ...body, window: 'weekly' },
      { ...body, model: 'a*' },
      { ...body, model: 'a' },
      await forKey(),
    ]) {
      ids.add((await set(other)).id);
    }
    expect(ids.size).toBe(5);
    for (const model of ['*', null]) ids.add((await set({ ...body, model })).id);
    expect(ids.size).toBe(5);
  });

  it('200: 20 at once make one budget', async () => {
    const body = await forKey();
    const limits = Array.from({ length: 20 }, (_, index) => index);
    const answers = await Promise.all(limits.map((limit) => put({ ...body, limit })));
    expect(answers.map(({ status }) => status)).toEqual(limits.map(() => 200));
    const made = answers.map((answer) => answer.body as Budget);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(made.map(({ version }) => version).toSorted((a, b) => a - b)).toEqual(
      limits.map((limit) => limit + 1),
    );
    const kept = (await budgetsOf()).filter(({ id }) => id === made[0]?.id);
    expect(kept).toEqual([made.find(({ version }) => version === 20)]);
  });

  it('412: a version that is not there', async () => {
    const body = await forKey();
    expect(codeOf(await put(body, { 'if-match': '*' }))).toBe('precondition_failed');
    const { id } = await set(body);
    const raised = { ...body, limit: 2 };
    const stale = await put(raised, { 'if-match': '"2"' });
    expect([stale.status, codeOf(stale)]).toEqual([412, 'precondition_failed']);
    expect((await put(raised, { 'if-match': '"1"' })).body).toMatchObject({ id, limit: 2 });
  });

  it.each([
    [{ scope: undefined }, 'scope'],
    [{ scope: 'everybody' }, 'scope'],
    [{ scope: 'each_team' }, 'scope'],
    [{ scope: 'user' }, 'scope_id'],
    [{ scope: 'each_user', scope_id: 'user_1' }, 'scope_id'],
    [{ scope: 'team' }, 'scope_id'],
    [{ scope: 'team', scope_id: null }, 'scope_id'],
    [{ scope: 'project' }, 'scope_id'],
    [{ scope: 'key' }, 'scope_id'],
    [{ scope: 'key', scope_id: null }, 'scope_id'],
    [{ scope: 'key', scope_id: '' }, 'scope_id'],
    [{ scope: 'key', scope_id: 5 }, 'scope_id'],
    [{ scope: 'key', scope_id: 'x'.repeat(65) }, 'scope_id'],
    [{ scope: 'key', scope_id: 'key_\u0000' }, 'scope_id'],
    [{ scope_id: 'key_x' }, 'scope_id'],
    [{ scope: 'organization', scope_id: newId('organization') }, 'scope_id'],
    [{ window: undefined }, 'window'],
    [{ window: 'hourly' }, 'window'],
    [{ window: 'day' }, 'window'],
    [{ limit: undefined }, 'limit'],
    [{ limit: null }, 'limit'],
    [{ limit: -1 }, 'limit'],
    [{ limit: '-1' }, 'limit'],
    [{ limit: '1e3' }, 'limit'],
    [{ limit: 1e-10 }, 'limit'],
    [{ limit: '9000000.000000001' }, 'limit'],
    [{ limit: 1e18 }, 'limit'],
    [{ limit: 'free' }, 'limit'],
    [{ limit: [1] }, 'limit'],
    [{ model: '' }, 'model'],
    [{ model: 'a b' }, 'model'],
    [{ model: '*a*b*c*d*' }, 'model'],
    [{ model: 'x'.repeat(257) }, 'model'],
    [{ model: ['a'] }, 'model'],
    [{ alert_threshold: 0 }, 'alert_threshold'],
    [{ alert_threshold: -0.5 }, 'alert_threshold'],
    [{ alert_threshold: 1.01 }, 'alert_threshold'],
    [{ alert_threshold: '0.5' }, 'alert_threshold'],
    [{ organization_id: 'org_x' }, 'organization_id'],
    [{ id: 'bud_x' }, 'id'],
  ])('400: %j', async (wrong, param) => {
    const before = await budgetsOf();
    const answer = await put({ scope: 'each_key', window: 'daily', limit: 1, ...wrong });
    expect([answer.status, answer.body]).toMatchObject([
      400,
      { error: { code: 'invalid_request', param } },
    ]);
    expect(await budgetsOf()).toEqual(before);
  });

  it('400: says which scopes there are', async () => {
    const { body } = await put({ scope: 'each_team', window: 'daily', limit: 1 });
    expect((body as { error: { message: string } }).error.message).toBe(
      'scope must be one of the following values: key, each_key, user, each_user, team, project, organization',
    );
  });

  it('200: a team’s, a project’s, a user’s and each user’s', async () => {
    const body = { window: 'monthly', limit: 100 };
    for (const [scope, scope_id] of await subjects()) {
      const made = await set({ ...body, scope, scope_id });
      expect(made).toMatchObject({ scope, scope_id });
      expect(await set({ ...body, scope, scope_id })).toEqual(made);
    }
    expect(await set({ ...body, scope: 'each_user' })).toMatchObject({ scope_id: null });
  });

  it.each(['key', 'user', 'team', 'project'] as const)(
    '404: a %s that is not there',
    async (scope) => {
      const none = { scope, scope_id: newId(scope) };
      const answer = await put(await forKey(none));
      expect((answer.body as { error: { message: string } }).error.message).toBe(
        `There is no ${scope} ${none.scope_id}.`,
      );
      expect([answer.status, answer.body]).toMatchObject([
        404,
        { error: { code: 'not_found', param: 'scope_id' } },
      ]);
    },
  );
});

describe('the budgets of a team, a project and a member', () => {
  it('are deleted with it, and no others', async () => {
    const [gone, kept] = [await subjects(), await subjects()];
    const budgets = new Map<string, Budget>();
    for (const [scope, scope_id] of [...gone, ...kept]) {
      budgets.set(scope_id, await set({ scope, scope_id, window: 'daily', limit: 1 }));
    }
    const collections = { team: 'teams', project: 'projects', user: 'members' } as const;
    for (const [scope, id] of gone.toReversed()) {
      const removed = await app.call('DELETE', `/v1/${collections[scope]}/${id}`);
      expect(removed.status).toBe(200);
      budgets.delete(id);
      const ids = new Set((await budgetsOf()).map(({ scope_id: of }) => of));
      expect([...gone, ...kept].map(([, one]) => one).filter((one) => ids.has(one))).toEqual([
        ...budgets.keys(),
      ]);
    }
  });

  it('are not left behind by one that is set while the team is deleted', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < 10; round++) {
      const scope_id = await people.team();
      const body = { scope: 'team', scope_id, window: 'daily', limit: 1 };
      const [budget, removed] = await Promise.all([
        put(body),
        app.call('DELETE', `/v1/teams/${scope_id}`),
      ]);
      expect(removed.status).toBe(200);
      statuses.push(budget.status);
      expect((await budgetsOf()).filter((one) => one.scope_id === scope_id)).toEqual([]);
    }
    expect(statuses.filter((status) => status !== 200 && status !== 404)).toEqual([]);
  });
});

describe('GET /v1/budgets', () => {
  it('200: all, newest first, page by page', async () => {
    for (let count = 0; count < 3; count++) await set(await forKey());
    const all = await budgetsOf();
    expect(all.map(({ created_at: at }) => at)).toEqual(
      all.map(({ created_at: at }) => at).toSorted((a, b) => b.localeCompare(a)),
    );
    const turned: Budget[] = [];
    let cursor = '';
    for (let more = true; more;) {
      const { body } = await app.call('GET', `/v1/budgets?limit=2${cursor}`);
      const page = body as Page;
      turned.push(...page.data);
      more = page.has_more;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(turned).toEqual(all);
  });

  it.each(['?limit=0', '?limit=201', '?cursor=x', '?scope=key'])('400: %s', async (query) => {
    const answer = await app.call('GET', `/v1/budgets${query}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
  });
});

describe('DELETE /v1/budgets/{id}', () => {
  it('200, and then it is gone', async () => {
    const body = await forKey();
    const { id } = await set(body);
    const remove = (): Promise<Answer> => app.call('DELETE', `/v1/budgets/${id}`);
    expect(await remove()).toMatchObject({ status: 200, body: { id, deleted: true } });
    expect((await budgetsOf()).map((one) => one.id)).not.toContain(id);
    const again = await remove();
    expect([again.status, codeOf(again)]).toEqual([404, 'not_found']);
    expect((await set(body)).id).not.toBe(id);
  });
});

describe('the Management API', () => {
  it.each(['/manage/budgets', '/v1/manage/budgets'])('%s has the same budgets', async (path) => {
    const body = await forKey();
    const made = await app.call('PUT', path, { body });
    expect([made.status, made.body]).toEqual([200, await set(body)]);
    const listed = (await app.call('GET', `${path}?limit=200`)).body as Page;
    expect(listed.data).toEqual(await budgetsOf());
    const { id } = made.body as Budget;
    expect((await app.call('DELETE', `${path}/${id}`)).status).toBe(200);
    const gone = await app.call('DELETE', `${path}/${id}`);
    expect([gone.status, gone.body]).toEqual([404, { error: `There is no budget ${id}.` }]);
    const wrong = await app.call('PUT', path, { body: { ...body, limit: -1 } });
    expect(wrong).toMatchObject({ status: 400, body: { error: /^limit must be/ } });
  });
});

describe('who may', () => {
  it.each([
    [{ scopes: ['billing:read'] }, 200, 403],
    [{ scopes: ['billing:write'] }, 403, 200],
    [{ access_level: 'full' }, 200, 403],
    [{ access_level: 'management' }, 200, 200],
    [{ access_level: 'inference' }, 403, 403],
    [{ access_level: 'read_only' }, 403, 403],
    [{ scopes: ['keys:write', 'config:write', 'org:write', 'usage:read'] }, 403, 403],
  ])('%j: read %d, write %d', async (fields, read, write) => {
    const key = await app.keyWith(fields);
    const body = await forKey();
    const { id } = await set(body);
    expect((await app.call('GET', '/v1/budgets', { key })).status).toBe(read);
    expect((await app.call('PUT', '/v1/budgets', { key, body })).status).toBe(write);
    expect((await app.call('DELETE', `/v1/budgets/${id}`, { key })).status).toBe(write);
  });

  it('not a key for itself: it neither raises nor deletes the budget that binds it', async () => {
    const { id: scope_id, key } = await newKey();
    const body = { scope: 'key', scope_id, window: 'daily', limit: 1 };
    const budget = await set(body);
    const raised = await app.call('PUT', '/v1/budgets', { key, body: { ...body, limit: 2 } });
    expect([raised.status, codeOf(raised)]).toEqual([403, 'insufficient_scope']);
    const path = `/v1/budgets/${budget.id}`;
    expect(codeOf(await app.call('DELETE', path, { key }))).toBe('insufficient_scope');
    expect(await budgetsOf()).toContainEqual(budget);
  });
});

describe('a key’s budgets', () => {
  it.each([
    ['/v1/keys/{id}', undefined],
    ['/v1/api-keys/{id}', undefined],
    ['/manage/api-keys', { name: '{name}' }],
  ])('go with it when it is revoked by %s', async (path, named) => {
    const { id: scope_id, name } = await newKey();
    const gone: string[] = [];
    for (const window of ['daily', 'weekly']) {
      gone.push((await set({ scope: 'key', scope_id, window, limit: 1 })).id);
    }
    const kept = await set(await forKey());
    const body = named && { name };
    const revoked = await app.call('DELETE', path.replace('{id}', scope_id), { body });
    expect(revoked.status).toBe(200);
    const ids = (await budgetsOf()).map(({ id }) => id);
    expect(ids.filter((id) => gone.includes(id))).toEqual([]);
    expect(ids).toContain(kept.id);
  });

  it('stay while it is yet to be revoked', async () => {
    const body = await forKey();
    const budget = await set(body);
    const later = { revoke_immediately: false };
    await app.call('DELETE', `/v1/keys/${body.scope_id as string}`, { body: later });
    expect(await budgetsOf()).toContainEqual(budget);
  });
});

describe('an organization with 999 budgets', () => {
  let client: pg.Client;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    await client.query('DELETE FROM budgets');
    await client.query(
      `INSERT INTO budgets (id, organization_id, scope, scope_id, time_window, model, limit_nanos)
       SELECT 'bud_' || n, $1, 'each_key', $1, 'daily', 'model-' || n, 0 FROM generate_series(1, 999) n`,
      [organizationId],
    );
  });
  afterAll(async () => {
    await client.query('DELETE FROM budgets');
    await client.end();
  });

  it('409: gets one more, of ten that are asked for at once', async () => {
    const body = { scope: 'each_key', window: 'weekly', limit: 1 };
    const models = Array.from({ length: 10 }, (_, index) => `other-${index}`);
    const answers = await Promise.all(models.map((model) => put({ ...body, model })));
    const said = answers.map(({ status }) => status);
    expect(said.toSorted()).toEqual([200, ...Array.from({ length: 9 }, () => 409)]);
    expect(answers.filter((answer) => codeOf(answer) === 'conflict')).toHaveLength(9);
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int FROM budgets');
    expect(rows).toEqual([{ count: 1_000 }]);
  });

  it('200: can change those that it has', async () => {
    const model = 'model-7';
    const changed = await set({ scope: 'each_key', window: 'daily', limit: 5, model });
    expect(changed).toMatchObject({ id: 'bud_7', version: 2 });
  });
});
