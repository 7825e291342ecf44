/** Budgets of people, teams and projects: which of them bind a call, and that they do so together. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type Answer, startTestApp, type TestApp } from '../support/app.js';
import { completion, type FakeUpstream, startFakeUpstream } from '../support/fake-upstream.js';
import { People } from '../support/key-owners.js';

type Limit = { subject: string; subject_id: string; limit: number; used: number; reserved: number };
type Made = { readonly id: string; readonly key: string };

const MODEL = 'priced-1';
/** Of each call: 0.05 USD. */
const TOKENS = 50;

let upstream: FakeUpstream;
let here: TestApp;
let there: TestApp;
let people: People;
beforeAll(async () => {
  upstream = await startFakeUpstream();
  const usage = { prompt_tokens: 9, completion_tokens: TOKENS, total_tokens: TOKENS + 9 };
  upstream.behave((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...completion('Yes'), usage }));
  });
  here = await startTestApp();
  there = await startTestApp({ besides: here });
  people = await People.of(here);
  const provider = await here.call('POST', '/v1/providers', {
    body: { name: 'counting', kind: 'openai-compatible', base_url: upstream.baseUrl },
  });
  const route = await here.call('POST', '/v1/routes', {
    body: {
      model: MODEL,
      provider_id: (provider.body as { id: string }).id,
      price: { input_per_million: '0', output_per_million: '1000' },
    },
  });
  expect(route.status).toBe(201);
});
afterAll(async () => {
  await people.close();
  await there.close();
  await here.close();
  await upstream.close();
});

function chat(key: string, app = here): Promise<Answer> {
  const messages = [{ role: 'user', content: 'Well?' }];
  return app.call('POST', '/v1/chat/completions', {
    key,
    body: { model: MODEL, max_tokens: TOKENS, messages },
  });
}

async function make(scope: Record<string, unknown> = {}): Promise<Made> {
  const made = await here.call('POST', '/v1/keys', { body: { name: 'spender', scope } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Made;
}

async function put(scope: string, scope_id: string | null, limit: number): Promise<string> {
  const body = { scope, scope_id, window: 'monthly', limit };
  const answer = await here.call('PUT', '/v1/budgets', { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return (answer.body as { id: string }).id;
}

async function limitsOf({ id }: Made): Promise<Limit[]> {
  const { body } = await here.call('GET', `/v1/keys/${id}/limits`);
  return (body as { data: Limit[] }).data;
}

function taken(limits: readonly Limit[]): Record<string, number> {
  return Object.fromEntries(
    limits.map(({ subject_id: id, used, reserved }) => [id, Math.round((used + reserved) * 100)]),
  );
}

function refusedBy(answer: Answer): Limit {
  expect([answer.status, answer.body]).toMatchObject([429, { error: { code: 'budget_exceeded' } }]);
  return (answer.body as { error: { details: { limit: Limit } } }).error.details.limit;
}

describe('a call of a key of a team, two projects and an owner', () => {
  it('takes of all budgets together, and one that refuses uses nothing up of the others', async () => {
    const [team, first, second, user] = [
      await people.team(),
      await people.project(),
      await people.project(),
      await people.user(),
    ];
    const key = await make({ team_id: team, projects: [first, second] });
    await people.give(key.id, user);
    const subjects = [
      ['key', key.id],
      ['user', user],
      ['team', team],
      ['project', first],
      ['project', second],
      ['organization', people.organizationId],
    ] as const;
    for (const [scope, id] of subjects) await put(scope, id, 5);
    expect((await chat(key.key)).status).toBe(200);
    // What was held in advance has gone back by then.
    const settled = async (cents: number): Promise<void> => {
      const expected = Object.fromEntries(subjects.map(([, id]) => [id, cents]));
      const look = async () => expect(taken(await limitsOf(key))).toEqual(expected);
      await vi.waitFor(look, 5_000);
    };
    await settled(5);
    for (const [scope, id] of subjects) {
      await put(scope, id, 0.05);
      for (let call = 0; call < 5; call++) {
        const limit = refusedBy(await chat(key.key));
        expect(limit).toMatchObject({ subject: scope, subject_id: id, limit: 0.05 });
      }
      await settled(5);
      await put(scope, id, 5);
      // For 50 ms the store is believed that there was nothing left.
      await sleep(100);
    }
    expect((await chat(key.key)).status).toBe(200);
    await settled(10);
  });

  it('says in words whose budget it was', async () => {
    const [team, project, user] = [
      await people.team(),
      await people.project(),
      await people.user(),
    ];
    const key = await make({ team_id: team, projects: [project] });
    await people.give(key.id, user);
    for (const [scope, id, words] of [
      ['user', user, 'owner'],
      ['team', team, 'team'],
      ['project', project, 'project'],
    ] as const) {
      const budget = await put(scope, id, 0);
      const { body } = await chat(key.key);
      expect((body as { error: { message: string } }).error.message).toMatch(
        `The budget of 0 USD per month of the ${words} of this API key is used up.`,
      );
      await here.call('DELETE', `/v1/budgets/${budget}`);
    }
  });
});

it('keys of one owner share the budget of each user, and others have theirs', async () => {
  const [one, other] = [await people.user(), await people.user()];
  const [a, b, c, nobodys] = [await make(), await make(), await make(), await make()];
  for (const [key, user] of [
    [a, one],
    [b, one],
    [c, other],
  ] as const) {
    await people.give(key.id, user);
  }
  const budget = await put('each_user', null, 0.1);
  const statuses: number[] = [];
  for (const { key } of [a, b, a, b, c, c, c, nobodys, nobodys, nobodys]) {
    statuses.push((await chat(key)).status);
  }
  expect(statuses).toEqual([200, 200, 429, 429, 200, 200, 429, 200, 200, 200]);
  expect(refusedBy(await chat(b.key))).toMatchObject({ subject: 'user', subject_id: one });
  expect((await limitsOf(nobodys)).filter(({ subject }) => subject === 'user')).toEqual([]);
  await here.call('DELETE', `/v1/budgets/${budget}`);
});

describe('within a second on every instance', () => {
  /** Of a call on both instances, as soon as it is so. */
  async function expectOnBoth(key: string, subjectId: string | null): Promise<void> {
    for (const app of [here, there]) {
      await vi.waitFor(
        async () => {
          const answer = await chat(key, app);
          if (subjectId === null) expect(answer.status).toBe(200);
          else expect(refusedBy(answer).subject_id).toBe(subjectId);
        },
        { timeout: 1_000, interval: 5 },
      );
    }
  }

  it('a key that gets another team or other projects is bound by theirs', async () => {
    const [poor, rich] = [await people.team(), await people.team()];
    const [spent, unspent] = [await people.project(), await people.project()];
    await put('team', poor, 0);
    await put('team', rich, 100);
    await put('project', spent, 0);
    await put('project', unspent, 100);
    const { id, key } = await make({ team_id: rich, projects: [unspent] });
    const move = async (scope: object): Promise<void> => {
      const moved = await here.call('PATCH', `/v1/keys/${id}`, { body: { scope } });
      expect(moved.status, JSON.stringify(moved.body)).toBe(200);
    };
    await expectOnBoth(key, null);
    await move({ team_id: poor });
    await expectOnBoth(key, poor);
    await move({ team_id: rich });
    await expectOnBoth(key, null);
    await move({ projects: [unspent, spent] });
    await expectOnBoth(key, spent);
    await move({ projects: [unspent] });
    await expectOnBoth(key, null);
  });

  it('the budget of a project that is deleted binds no more', async () => {
    const project = await people.project();
    await put('project', project, 0);
    const { key } = await make({ projects: [project] });
    await expectOnBoth(key, project);
    expect((await here.call('DELETE', `/v1/projects/${project}`)).status).toBe(200);
    await expectOnBoth(key, null);
  });
});
