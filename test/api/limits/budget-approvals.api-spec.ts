import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { type Answer, type Call, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { runSql } from '../../support/people.js';

type Body = Record<string, unknown>;
type Budget = { readonly id: string; readonly limit: number; readonly version: number };
type Request = { readonly id: string; readonly status: string };

let app: TestApp;
let organization: string;
/** Two who may do everything, and two who have to do with money alone. */
let asker: string;
let approver: string;
let payer: string;
let bookkeeper: string;
beforeAll(async () => {
  app = await startTestApp();
  const self = await app.call('GET', '/v1/key');
  organization = `/v1/organizations/${(self.body as { organization_id: string }).organization_id}`;
  const admin = (): Promise<string> => app.keyWith({ access_level: 'admin' });
  asker = await admin();
  approver = await admin();
  const money = { scopes: ['billing:read', 'billing:write'] };
  payer = await app.keyWith(money);
  bookkeeper = await app.keyWith(money);
});
afterAll(async () => {
  await app.close();
});

/** Nothing of the API sets it back alone. */
const setThreshold = (nanos: number | null): Promise<unknown> =>
  runSql(app, 'UPDATE organizations SET approval_budget_threshold_nanos = $1', [nanos]);
beforeEach(() => setThreshold(100e9));

const outcome = async (answer: Promise<Answer>): Promise<unknown> => {
  const got = await answer;
  return [got.status, codeOf(got)];
};
async function ask<Result = Body>(
  method: string,
  path: string,
  call: Call,
  status = 200,
): Promise<Result> {
  const answer = await app.call(method, path, call);
  expect([answer.status, answer.body]).toEqual([status, answer.body]);
  return answer.body as Result;
}
let count = 0;
/** A budget of its own model. */
function newBudget(limit: number): { model: string; make: () => Promise<Budget> } {
  const model = `model-${++count}`;
  return { model, make: () => put(model, limit) };
}
const bodyOf = (model: string, limit: number | string): Body => ({
  scope: 'organization',
  window: 'monthly',
  model,
  limit,
});
function put<Result = Budget>(
  model: string,
  limit: number | string,
  key = payer,
  status = 200,
): Promise<Result> {
  return ask<Result>('PUT', '/v1/budgets', { key, body: bodyOf(model, limit) }, status);
}
const decide = (verb: string, id: string, key: string): Promise<unknown> =>
  outcome(app.call('POST', `/v1/approvals/${id}/${verb}`, { key }));
const listed = async (id: string): Promise<Budget | undefined> =>
  (await ask<{ data: Budget[] }>('GET', '/v1/budgets?limit=100', { key: payer })).data.find(
    (one) => one.id === id,
  );

describe('lifting a budget over the threshold', () => {
  it('waits, and is done when somebody else approves it', async () => {
    const { model, make } = newBudget(50);
    const made = await make();
    const request = await put<Request & Body>(model, '100.000000001', payer, 202);
    expect(request).toMatchObject({
      kind: 'widen',
      subject_type: 'budget',
      subject_id: made.id,
      key_id: null,
      status: 'pending',
      fields: ['limit'],
      change: { action: 'update', version: 1, body: { limit: '100.000000001' } },
    });
    expect(await listed(made.id)).toEqual(made);
    expect(
      await outcome(app.call('PUT', '/v1/budgets', { key: asker, body: bodyOf(model, 101) })),
    ).toEqual([409, 'conflict']);
    expect(await decide('approve', request.id, payer)).toEqual([403, 'approval_required']);
    expect(await decide('approve', request.id, bookkeeper)).toEqual([200, undefined]);
    expect(await listed(made.id)).toMatchObject({ limit: 100.000000001, version: 2 });
    expect(await decide('approve', request.id, approver)).toEqual([409, 'conflict']);
    const { id } = await put<Request>(model, 200, payer, 202);
    expect(await ask('GET', `/v1/approvals/${id}`, { key: bookkeeper })).toMatchObject({ id });
  });

  it('waits for nobody where it stays below, is no more, is new, or where no threshold is set', async () => {
    const { model, make } = newBudget(50);
    await make();
    expect(await put(model, 100)).toMatchObject({ limit: 100 });
    const large = newBudget(5_000);
    await large.make();
    expect(await put(large.model, 4_000)).toMatchObject({ limit: 4_000 });
    await ask('PUT', '/v1/budgets', {
      key: payer,
      body: { ...bodyOf(large.model, 4_000), alert_threshold: 0.5 },
    });
    await put(large.model, 4_001, payer, 202);
    await setThreshold(null);
    expect(await put(model, 9_000)).toMatchObject({ limit: 9_000 });
  });

  it('is also to delete it, however low it is', async () => {
    const { id } = await newBudget(1).make();
    const request = await ask<Request>('DELETE', `/v1/budgets/${id}`, { key: payer }, 202);
    expect(request).toMatchObject({ change: { action: 'delete', version: 1 } });
    expect(await listed(id)).toMatchObject({ limit: 1 });
    expect(await outcome(app.call('DELETE', `/v1/budgets/${id}`, { key: asker }))).toEqual([
      409,
      'conflict',
    ]);
    expect(await decide('approve', request.id, bookkeeper)).toEqual([200, undefined]);
    expect(await listed(id)).toBeUndefined();
  });

  it('is refused once the budget has changed, or is gone', async () => {
    const { model, make } = newBudget(50);
    const { id } = await make();
    const request = await put<Request>(model, 1_000, payer, 202);
    await put(model, 40);
    expect(await decide('approve', request.id, bookkeeper)).toEqual([409, 'conflict']);
    expect(await listed(id)).toMatchObject({ limit: 40, version: 2 });
    const { body } = await app.call('GET', `/v1/approvals/${request.id}`, { key: bookkeeper });
    expect(body).toMatchObject({ status: 'pending' });
    expect(await decide('reject', request.id, bookkeeper)).toEqual([200, undefined]);
    const again = await put<Request>(model, 1_000, payer, 202);
    await runSql(app, 'DELETE FROM budgets WHERE id = $1', [id]);
    const gone = await app.call('POST', `/v1/approvals/${again.id}/approve`, { key: bookkeeper });
    expect([gone.status, JSON.stringify(gone.body)]).toEqual([
      409,
      expect.stringContaining('meanwhile'),
    ]);
    expect(await decide('withdraw', again.id, bookkeeper)).toEqual([403, 'operation_not_allowed']);
    expect(await decide('withdraw', again.id, payer)).toEqual([200, undefined]);
  });

  it('is decided on by who may set budgets, and asked for by who still may', async () => {
    const { model, make } = newBudget(50);
    await make();
    const leaving = await ask<{ id: string; key: string }>(
      'POST',
      '/v1/keys',
      { key: asker, body: { name: 'leaving', scopes: ['billing:read', 'billing:write'] } },
      201,
    );
    const request = await put<Request>(model, 1_000, leaving.key, 202);
    const keysOnly = await app.keyWith({ scopes: ['keys:read', 'keys:write', 'org:write'] });
    const reader = await app.keyWith({ scopes: ['billing:read'] });
    const nothing = await app.keyWith({ access_level: 'inference' });
    for (const key of [keysOnly, reader, nothing]) {
      expect(await decide('approve', request.id, key)).toEqual([403, 'insufficient_scope']);
    }
    for (const key of [keysOnly, nothing]) {
      const get = app.call('GET', `/v1/approvals/${request.id}`, { key });
      expect(await outcome(get)).toEqual([403, 'insufficient_scope']);
    }
    const seen = await ask<{ data: Request[] }>('GET', '/v1/approvals', { key: keysOnly });
    expect(seen.data.map(({ id }) => id)).not.toContain(request.id);
    expect(await outcome(app.call('GET', '/v1/approvals', { key: nothing }))).toEqual([
      403,
      'insufficient_scope',
    ]);
    await ask('DELETE', `/v1/keys/${leaving.id}`, { key: asker });
    expect(await decide('approve', request.id, bookkeeper)).toEqual([409, 'conflict']);
    expect(await decide('reject', request.id, bookkeeper)).toEqual([200, undefined]);
  });

  it('is as one that is not there for who does not reach the budget', async () => {
    const team = await ask<{ id: string }>('POST', '/v1/teams', { body: { name: 'Far' } }, 201);
    const far = await app.keyWith({
      type: 'team',
      scope: { team_id: team.id },
      scopes: ['billing:read', 'billing:write'],
    });
    const { model, make } = newBudget(50);
    await make();
    const request = await put<Request>(model, 1_000, payer, 202);
    expect(await decide('approve', request.id, far)).toEqual([404, 'not_found']);
    expect(await ask('GET', '/v1/approvals', { key: far })).toMatchObject({ data: [] });
    const own = { scope: 'team', scope_id: team.id, window: 'daily', limit: 1 };
    const { id } = await ask<Budget>('PUT', '/v1/budgets', { key: payer, body: own });
    await ask('PUT', '/v1/budgets', { key: payer, body: { ...own, limit: 500 } }, 202);
    const { data } = await ask<{ data: Body[] }>('GET', '/v1/approvals', { key: far });
    expect(data.map((one) => one.subject_id)).toEqual([id]);
    // It reaches it, and is bounded by its team.
    const [{ id: ofTeam = '' } = {}] = data as { id?: string }[];
    expect(await decide('approve', ofTeam, far)).toEqual([403, 'escalation_denied']);
  });

  it('is told of, and expires', async () => {
    const { model, make } = newBudget(50);
    const { id } = await make();
    const request = await put<Request>(model, 1_000, payer, 202);
    const told = await runSql(
      app,
      `SELECT data, key_id FROM notifications WHERE type = 'approval.requested' AND data->>'subject_id' = $1`,
      [id],
    );
    expect(told).toMatchObject([
      {
        key_id: null,
        data: { approval_id: request.id, subject_type: 'budget', fields: ['limit'] },
      },
    ]);
    await runSql(app, 'UPDATE approval_requests SET expires_at = now() WHERE subject_id = $1', [
      id,
    ]);
    expect(await decide('approve', request.id, bookkeeper)).toEqual([409, 'conflict']);
    await put<Request>(model, 1_000, payer, 202);
    const expired = await ask<{ data: Request[] }>(
      'GET',
      '/v1/approvals?status=expired&subject_type=budget',
      { key: payer },
    );
    expect(expired.data.map((one) => one.id)).toContain(request.id);
  });

  it('is decided on once, by two at once on two instances', async () => {
    const besides = await startTestApp({ besides: app });
    try {
      for (let round = 0; round < 4; round++) {
        const { model, make } = newBudget(50);
        const { id } = await make();
        const request = await put<Request>(model, 1_000, payer, 202);
        const answers = await Promise.all([
          app.call('POST', `/v1/approvals/${request.id}/approve`, { key: bookkeeper }),
          besides.call('POST', `/v1/approvals/${request.id}/${round % 2 ? 'reject' : 'approve'}`, {
            key: approver,
          }),
        ]);
        expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
        const won = answers.find(({ status }) => status === 200)?.body as Request;
        expect(await listed(id)).toMatchObject(
          won.status === 'approved' ? { limit: 1_000, version: 2 } : { limit: 50, version: 1 },
        );
      }
    } finally {
      await besides.close();
    }
  });
});

describe('a decision whose connection is cut half-way', () => {
  it('is none: it is made as a whole when somebody tries again', async () => {
    const { model, make } = newBudget(50);
    const { id } = await make();
    const request = await put<Request>(model, 1_000, payer, 202);
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    try {
      // The request is written as approved by then, and the budget not yet.
      await client.query('BEGIN');
      await client.query('SELECT FROM budgets WHERE id = $1 FOR UPDATE', [id]);
      const cut = app.call('POST', `/v1/approvals/${request.id}/approve`, { key: bookkeeper });
      const waiting = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      const count = async (): Promise<number | null> =>
        (await client.query(`SELECT pid ${waiting}`)).rowCount;
      await expect.poll(count, { timeout: 5_000 }).toBe(1);
      await client.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
      expect((await cut).status).toBeGreaterThanOrEqual(500);
      await client.query('ROLLBACK');
    } finally {
      await client.end();
    }
    const { body } = await app.call('GET', `/v1/approvals/${request.id}`, { key: bookkeeper });
    expect(body).toEqual(request);
    expect(await listed(id)).toMatchObject({ limit: 50, version: 1 });
    expect(await decide('approve', request.id, bookkeeper)).toEqual([200, undefined]);
    expect(await listed(id)).toMatchObject({ limit: 1_000, version: 2 });
  });
});

describe('approval_budget_threshold', () => {
  const change = (threshold: unknown, key = asker, more: Body = {}): Promise<Answer> =>
    app.call('PATCH', organization, {
      key,
      body: { approval_budget_threshold: threshold, ...more },
    });
  const now = async (): Promise<unknown> =>
    (await ask('GET', organization, { key: asker })).approval_budget_threshold;

  it('is set and lowered at once', async () => {
    await setThreshold(null);
    expect(await now()).toBeNull();
    expect((await change('250.5')).body).toMatchObject({ approval_budget_threshold: 250.5 });
    expect((await change(0)).body).toMatchObject({ approval_budget_threshold: 0 });
    expect((await change(0)).status).toBe(200);
    for (const wrong of [-1, 9_000_001, 'much', true]) {
      expect([wrong, await outcome(change(wrong))]).toEqual([wrong, [400, 'invalid_request']]);
    }
  });

  it.each([101, null])('waits as a whole to become %s', async (threshold) => {
    const waiting = await change(threshold, asker, { approval_expiry_hours: 100 });
    expect([waiting.status, waiting.body]).toMatchObject([
      202,
      {
        subject_type: 'organization',
        fields: ['approval_budget_threshold'],
        change: { were: { approval_budget_threshold: 100 } },
      },
    ]);
    const { id } = waiting.body as Request;
    expect(await now()).toBe(100);
    expect(await outcome(change(200, approver))).toEqual([409, 'conflict']);
    expect(await decide('approve', id, asker)).toEqual([403, 'approval_required']);
    expect(await decide('approve', id, bookkeeper)).toEqual([403, 'insufficient_scope']);
    expect(await decide('approve', id, approver)).toEqual([200, undefined]);
    expect(await ask('GET', organization, { key: asker })).toMatchObject({
      approval_budget_threshold: threshold,
      approval_expiry_hours: 100,
    });
  });

  it('stays where it was lowered before somebody approved more', async () => {
    const { id } = (await change(500)).body as Request;
    expect((await change(10)).status).toBe(200);
    expect(await decide('approve', id, approver)).toEqual([409, 'conflict']);
    expect(await now()).toBe(10);
    expect(await decide('withdraw', id, asker)).toEqual([200, undefined]);
  });

  it('is not lifted from outside, with a master key of another organization', async () => {
    const made = await ask<{ id: string }>(
      'POST',
      '/v1/organizations',
      { body: { name: 'Other' } },
      201,
    );
    const patch = (threshold: unknown): Promise<unknown> =>
      outcome(
        app.call('PATCH', `/v1/organizations/${made.id}`, {
          body: { approval_budget_threshold: threshold },
        }),
      );
    expect(await patch(5)).toEqual([200, undefined]);
    expect(await patch(6)).toEqual([403, 'approval_required']);
    expect(await patch(null)).toEqual([403, 'approval_required']);
  });
});
