import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, type Call, codeOf, startTestApp, type TestApp } from '../../support/app.js';

type Body = Record<string, unknown>;
type Made = { readonly id: string; readonly key: string; readonly version: number };
type Request = {
  readonly id: string;
  readonly fields: string[];
  readonly change: { readonly keys: { readonly count: number; readonly ids: string[] } };
};

let app: TestApp;
let asker: string;
let approver: string;
beforeAll(async () => {
  app = await startTestApp();
  asker = await app.keyWith({ access_level: 'admin' });
  approver = await app.keyWith({ access_level: 'admin' });
});
afterAll(async () => {
  await app.close();
});

async function ask<Result = Body>(
  method: string,
  path: string,
  call: Call = {},
  status = 200,
): Promise<Result> {
  const answer = await app.call(method, path, { key: asker, ...call });
  expect([answer.status, answer.body]).toEqual([status, answer.body]);
  return answer.body as Result;
}
let names = 0;
const template = (fields: Body = {}): Promise<Made> =>
  ask('POST', '/v1/policies', { body: { name: `policy ${++names}`, ...fields } }, 201);
const NARROW = { permissions: { models: ['sandbox/echo'] } };
const WIDE = { permissions: { models: ['sandbox/*'] } };

/** One that needs approval, and has it. */
async function keyFrom(inherit_from: string, fields: Body = {}): Promise<Made> {
  const permissions = { inherit_from, require_approval: true };
  const body = { name: 'made', permissions, ...fields };
  const made = await ask<Made>('POST', '/v1/keys', { body }, 201);
  await ask('POST', `/v1/keys/${made.id}/approve`, { key: approver });
  return made;
}
const patch = <Result = Request>(
  id: string,
  body: Body,
  status = 202,
  key = asker,
): Promise<Result> => ask<Result>('PATCH', `/v1/policies/${id}`, { key, body }, status);
const outcome = async (answer: Promise<Answer>): Promise<unknown> => {
  const got = await answer;
  return [got.status, codeOf(got)];
};
const decide = (verb: string, id: string, key: string): Promise<unknown> =>
  outcome(app.call('POST', `/v1/approvals/${id}/${verb}`, { key }));
const modelsOf = async (id: string): Promise<unknown> => {
  const { policy } = await ask<{ policy: { permissions: { models: { allowed: unknown } } } }>(
    'GET',
    `/v1/keys/${id}/policy`,
  );
  return policy.permissions.models.allowed;
};
const versionOf = async (id: string): Promise<number> =>
  (await ask<Made>('GET', `/v1/policies/${id}`)).version;

describe('a change of a template that gives more to a key that needs approval', () => {
  it('waits as a whole, and is done when somebody else approves it', async () => {
    const above = await template(NARROW);
    const below = await template({ inherit_from: above.id });
    const direct = await keyFrom(above.id);
    const indirect = await keyFrom(below.id);
    const free = await ask<Made>(
      'POST',
      '/v1/keys',
      { body: { name: 'free', permissions: { inherit_from: above.id } } },
      201,
    );
    const request = await patch(above.id, { ...WIDE, description: 'wider' });
    expect(request).toMatchObject({
      kind: 'widen',
      subject_type: 'policy',
      subject_id: above.id,
      key_id: null,
      fields: ['permissions.models.allowed'],
      change: { action: 'update', version: 1, keys: { count: 2, ids: [direct.id, indirect.id] } },
    });
    for (const { id } of [direct, indirect, free]) {
      expect(await modelsOf(id)).toEqual(['sandbox/echo']);
    }
    expect(await ask('GET', `/v1/policies/${above.id}`)).toMatchObject({
      version: 1,
      description: null,
    });
    const again = app.call('PATCH', `/v1/policies/${above.id}`, { key: approver, body: WIDE });
    expect(await outcome(again)).toEqual([409, 'conflict']);
    expect(await decide('approve', request.id, asker)).toEqual([403, 'approval_required']);
    const money = await app.keyWith({ scopes: ['billing:read', 'billing:write'] });
    expect(await decide('approve', request.id, money)).toEqual([403, 'insufficient_scope']);
    expect(await decide('approve', request.id, approver)).toEqual([200, undefined]);
    for (const { id } of [direct, indirect, free]) {
      expect(await modelsOf(id)).toEqual(['sandbox/*']);
    }
    expect(await versionOf(above.id)).toBe(2);
    expect(await decide('reject', request.id, approver)).toEqual([409, 'conflict']);
  });

  it('is done at once where no such key gets more by it', async () => {
    const { id } = await template(NARROW);
    await ask(
      'POST',
      '/v1/keys',
      { body: { name: 'free', permissions: { inherit_from: id } } },
      201,
    );
    expect(await patch(id, WIDE, 200)).toMatchObject({ changed_keys: 1 });
    const { id: needing } = await keyFrom(id);
    const limited = { rate_limits: { requests: { per_minute: 5 } } };
    expect(await patch(id, { ...limited, name: 'named anew' }, 200)).toMatchObject({
      changed_keys: 2,
    });
    // What the key says for itself is not the template's to widen.
    const own = { rate_limits: { requests: { per_minute: 2 } } };
    await ask('PATCH', `/v1/keys/${needing}`, { body: own });
    await patch(id, { rate_limits: { requests: { per_minute: 4 } } }, 200);
    await patch(id, { rate_limits: null }, 200);
  });

  it('is also to need no approval any more, and whatever an environment holds back', async () => {
    const { id } = await template({ permissions: { require_approval: true } });
    await keyFrom(id, { permissions: { inherit_from: id } });
    const request = await patch(id, { permissions: null });
    expect(request.fields).toContain('permissions.require_approval');
    const path = '/v1/environments/staging';
    const ruled = await template(NARROW);
    const staged = {
      name: 'staged',
      environment: 'staging',
      permissions: { inherit_from: ruled.id },
    };
    const { id: key } = await ask<Made>('POST', '/v1/keys', { body: staged }, 201);
    await ask('PUT', path, { body: { rules: { require_approval: true } } });
    const { change } = await patch(ruled.id, WIDE);
    expect(change.keys).toEqual({ count: 1, ids: [key] });
    await ask('PUT', path, { body: {} });
  });

  it('is refused once the template has changed, or who asked may not do it any more', async () => {
    const { id } = await template(NARROW);
    const key = await keyFrom(id);
    const stale = await patch(id, WIDE);
    await patch(id, { description: 'meanwhile' }, 200);
    expect(await decide('approve', stale.id, approver)).toEqual([409, 'conflict']);
    expect(await modelsOf(key.id)).toEqual(['sandbox/echo']);
    expect(await decide('withdraw', stale.id, approver)).toEqual([403, 'operation_not_allowed']);
    expect(await decide('withdraw', stale.id, asker)).toEqual([200, undefined]);
    const leaving = await ask<Made>(
      'POST',
      '/v1/keys',
      { body: { name: 'leaving', access_level: 'admin' } },
      201,
    );
    const request = await patch(id, WIDE, 202, leaving.key);
    await ask('PATCH', `/v1/keys/${leaving.id}`, { body: NARROW });
    expect(await decide('approve', request.id, approver)).toEqual([403, 'escalation_denied']);
    await ask('POST', `/v1/keys/${leaving.id}/disable`);
    expect(await decide('approve', request.id, approver)).toEqual([409, 'conflict']);
    expect([await modelsOf(key.id), await versionOf(id)]).toEqual([['sandbox/echo'], 2]);
    expect(await decide('reject', request.id, approver)).toEqual([200, undefined]);
  });

  it('names at most 50 of the keys, and to who reaches only some of them none', async () => {
    const { id } = await template(NARROW);
    const body = { name: 'one of many', permissions: { inherit_from: id, require_approval: true } };
    for (let made = 0; made < 51; made++) await ask('POST', '/v1/keys', { body }, 201);
    const team = await ask<Made>('POST', '/v1/teams', { body: { name: 'Some' } }, 201);
    const some = await app.keyWith({
      type: 'team',
      scope: { team_id: team.id },
      scopes: ['keys:read', 'keys:write'],
    });
    const request = await patch(id, WIDE);
    expect([request.change.keys.count, new Set(request.change.keys.ids).size]).toEqual([51, 50]);
    const path = `/v1/approvals/${request.id}`;
    expect(await ask('GET', path)).toEqual(request);
    const { change } = await ask<Request>('GET', path, { key: some });
    expect(change.keys).toEqual({ count: 51, ids: [] });
  });

  it('is decided on once, whatever else happens to it at the same time', async () => {
    const besides = await startTestApp({ besides: app });
    try {
      for (let round = 0; round < 4; round++) {
        const { id } = await template(NARROW);
        const key = await keyFrom(id);
        const request = await patch(id, WIDE);
        const decision = (one: TestApp, by: string): Promise<Answer> =>
          one.call('POST', `/v1/approvals/${request.id}/approve`, { key: by });
        const [one, other, narrowed] = await Promise.all([
          decision(app, approver),
          decision(besides, app.masterKey),
          besides.call('PATCH', `/v1/policies/${id}`, {
            key: asker,
            body: { rate_limits: { requests: { per_minute: 5 } } },
          }),
        ]);
        expect(narrowed.status).toBe(200);
        const won = [one, other].filter(({ status }) => status === 200).length;
        const isLate = (narrowed.body as Made).version === 2;
        // Where the other change came first, it is of a version that is no more.
        expect(won).toBe(isLate ? 0 : 1);
        expect(await modelsOf(key.id)).toEqual([isLate ? 'sandbox/echo' : 'sandbox/*']);
      }
    } finally {
      await besides.close();
    }
  });
});
