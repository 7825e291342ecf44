import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, type Call, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { runSql } from '../../support/people.js';

type Body = Record<string, unknown>;
type Made = { readonly id: string; readonly key: string; readonly version: number; status: string };
type Request = { readonly id: string; status: string; key_id: string; fields: string[] };

let app: TestApp;
/** Two administrators, each with a key of the master's making. */
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

const NEEDED = { permissions: { require_approval: true, models: ['sandbox/echo'] } };

async function ask<Result = Body>(
  method: string,
  path: string,
  call: Call = {},
  status = 200,
): Promise<Result> {
  const answer = await app.call(method, path, call);
  expect([answer.status, answer.body]).toEqual([status, answer.body]);
  return answer.body as Result;
}

function newKey(fields: Body = NEEDED, key = asker): Promise<Made> {
  return ask('POST', '/v1/keys', { key, body: { name: 'asked for', ...fields } }, 201);
}

/** One that somebody has approved. */
async function approvedKey(fields: Body = NEEDED): Promise<Made> {
  const made = await newKey(fields);
  await ask('POST', `/v1/keys/${made.id}/approve`, { key: approver });
  return made;
}

const chat = (key: string, model = 'sandbox/echo'): Promise<Answer> =>
  app.call('POST', '/v1/chat/completions', {
    key,
    body: { model, messages: [{ role: 'user', content: 'x' }] },
  });
const result = async (answer: Promise<Answer>): Promise<[number, string | undefined]> => {
  const got = await answer;
  return [got.status, codeOf(got)];
};
const decide = (
  verb: 'approve' | 'reject',
  id: string,
  key: string,
): Promise<[number, string | undefined]> => {
  const path = id.startsWith('key_') ? `/v1/keys/${id}/${verb}` : `/v1/approvals/${id}/${verb}`;
  return result(app.call('POST', path, { key }));
};
const get = (id: string): Promise<Made & Body> => ask('GET', `/v1/keys/${id}`);
const openOf = async (id: string): Promise<Request[]> =>
  (await ask<{ data: Request[] }>('GET', `/v1/approvals?status=pending&key_id=${id}`)).data;
const shiftRequests = (id: string): Promise<unknown> =>
  runSql(app, `UPDATE approval_requests SET expires_at = now() WHERE key_id = $1`, [id]);

describe('a key that needs approval', () => {
  it('can be used for nothing until somebody else approves it', async () => {
    const made = await newKey({ ...NEEDED, access_level: 'admin' });
    expect(made.status).toBe('pending_approval');
    expect(await result(chat(made.key))).toEqual([403, 'key_pending_approval']);
    expect(await result(app.call('GET', '/v1/key', { key: made.key }))).toEqual([
      403,
      'key_pending_approval',
    ]);
    const approved = await ask<Made>('POST', `/v1/keys/${made.id}/approve`, { key: approver });
    expect(approved).toMatchObject({ id: made.id, status: 'active', revoked_at: null });
    expect((await chat(made.key)).status).toBe(200);
    expect(await result(chat(made.key, 'sandbox/lorem'))).toEqual([403, 'model_not_allowed']);
    expect(await decide('approve', made.id, approver)).toEqual([409, 'conflict']);
  });

  it('is said to wait wherever it is looked at', async () => {
    const { id, key } = await newKey();
    expect(await get(id)).toMatchObject({ status: 'pending_approval' });
    const verified = await ask('POST', '/v1/keys/verify', { body: { key } });
    expect(verified).toMatchObject({ valid: false, code: 'key_pending_approval' });
    const simulated = await ask('POST', `/v1/keys/${id}/simulate`, {
      body: { model: 'sandbox/echo' },
    });
    expect(simulated).toMatchObject({ decision: 'deny', code: 'key_pending_approval' });
    for (const verb of ['rotate', 'claim']) {
      const answer = await app.call('POST', `/v1/keys/${id}/${verb}`, { key: approver });
      expect([verb, answer.status]).toEqual([verb, 409]);
    }
    const later = { revoke_immediately: false, revoke_after: '1h' };
    expect(await result(app.call('DELETE', `/v1/keys/${id}`, { body: later }))).toEqual([
      409,
      'conflict',
    ]);
  });

  it('is revoked with the reason when it is rejected', async () => {
    const { id, key } = await newKey();
    const body = { reason: 'not here' };
    const rejected = await ask('POST', `/v1/keys/${id}/reject`, { key: approver, body });
    expect(rejected).toMatchObject({ status: 'revoked', revoked_reason: 'not here' });
    expect(await result(chat(key))).toEqual([401, 'revoked_api_key']);
    expect(await decide('approve', id, approver)).toEqual([409, 'conflict']);
    const { data } = await ask<{ data: Body[] }>('GET', `/v1/approvals?key_id=${id}`);
    expect(data).toMatchObject([{ status: 'rejected', reason: 'not here' }]);
  });

  it('is needed by its children as well', async () => {
    const parent = await approvedKey({ ...NEEDED, access_level: 'admin' });
    const child = await newKey({ permissions: {} }, parent.key);
    expect(child.status).toBe('pending_approval');
    const body = { name: 'free', permissions: { require_approval: false } };
    expect(await result(app.call('POST', '/v1/keys', { key: parent.key, body }))).toEqual([
      403,
      'escalation_denied',
    ]);
  });

  it('gets nothing more while it waits', async () => {
    const { id } = await newKey();
    const wider = { permissions: { models: ['sandbox/*'] } };
    expect(await result(app.call('PATCH', `/v1/keys/${id}`, { key: asker, body: wider }))).toEqual([
      409,
      'conflict',
    ]);
    const narrower = { name: 'still waits', rate_limits: { requests: { per_minute: 5 } } };
    expect(
      await result(app.call('PATCH', `/v1/keys/${id}`, { key: asker, body: narrower })),
    ).toEqual([200, undefined]);
  });
});

describe('four eyes', () => {
  it('are never those of who asked, of its line, or of the key itself', async () => {
    const daughter = await ask<Made>(
      'POST',
      '/v1/keys',
      { key: asker, body: { name: 'daughter', access_level: 'admin' } },
      201,
    );
    const grandchild = await ask<Made>(
      'POST',
      '/v1/keys',
      { key: daughter.key, body: { name: 'grandchild', access_level: 'admin' } },
      201,
    );
    const { id } = await newKey();
    const [request] = await openOf(id);
    for (const key of [asker, daughter.key, grandchild.key]) {
      for (const target of [id, request?.id ?? '']) {
        for (const verb of ['approve', 'reject'] as const) {
          expect([key, await decide(verb, target, key)]).toEqual([key, [403, 'approval_required']]);
        }
      }
    }
    // The master key has made who asked, not what was asked for.
    expect(await decide('approve', id, app.masterKey)).toEqual([200, undefined]);
  });

  it('are never the maker’s, whoever asks for more', async () => {
    const { id, key } = await approvedKey({ ...NEEDED, access_level: 'admin' });
    const body = { permissions: { models: ['sandbox/*'] } };
    await ask('PATCH', `/v1/keys/${id}`, { key: approver, body }, 202);
    expect(await decide('approve', id, asker)).toEqual([403, 'approval_required']);
    expect(await decide('approve', id, approver)).toEqual([403, 'approval_required']);
    // Bounded, as well as the key itself.
    expect((await decide('approve', id, key))[0]).toBe(403);
    expect(await decide('approve', id, app.masterKey)).toEqual([200, undefined]);
  });

  it('need the right to change keys, and all that the key gets', async () => {
    const reader = await app.keyWith({ scopes: ['keys:read'] });
    const narrow = await app.keyWith({ scopes: ['keys:read', 'keys:write', 'org:write'] });
    const bounded = await app.keyWith({ access_level: 'admin', environment: 'development' });
    const { id } = await newKey({ ...NEEDED, access_level: 'admin' });
    expect(await decide('approve', id, reader)).toEqual([403, 'insufficient_scope']);
    expect(await decide('approve', id, narrow)).toEqual([403, 'escalation_denied']);
    expect(await decide('approve', id, bounded)).toEqual([403, 'escalation_denied']);
    expect(await get(id)).toMatchObject({ status: 'pending_approval' });
  });

  it('see the rights of now of who asked', async () => {
    const body = { name: 'asker', access_level: 'admin' };
    const other = await ask<Made>('POST', '/v1/keys', { body }, 201);
    const { id } = await newKey({ ...NEEDED, access_level: 'admin' }, other.key);
    await ask('PATCH', `/v1/keys/${other.id}`, {
      body: { scopes: ['keys:read', 'keys:write'] },
    });
    expect(await decide('approve', id, approver)).toEqual([403, 'escalation_denied']);
    await ask('POST', `/v1/keys/${other.id}/disable`);
    expect(await decide('approve', id, approver)).toEqual([409, 'conflict']);
    expect(await decide('reject', id, approver)).toEqual([200, undefined]);
  });
});

const patch = (id: string, body: Body, status = 202, key = asker): Promise<Request> =>
  ask<Request>('PATCH', `/v1/keys/${id}`, { key, body }, status);
const modelsOf = async (id: string): Promise<unknown> =>
  ((await get(id)).policy as { permissions: { models: { allowed: unknown } } }).permissions.models
    .allowed;

describe('a change that gives such a key more', () => {
  it.each<[string, Body, string[]]>([
    [
      'a policy',
      { permissions: { models: ['sandbox/*'] }, name: 'renamed' },
      ['permissions.models.allowed'],
    ],
    ['no approval', { permissions: { require_approval: false } }, ['permissions.require_approval']],
    ['scopes', { scopes: ['inference', 'models:read', 'usage:read'] }, ['scopes']],
    ['a longer life', { expires_at: '2098-01-01T00:00:00Z' }, ['expires_at']],
    ['no end', { expires_at: null }, ['expires_at']],
    ['another owner', { type: 'service' }, ['type']],
  ])('waits as a whole, and is done when it is approved: %s', async (_, body, fields) => {
    const { id } = await approvedKey({ ...NEEDED, expires_at: '2097-01-01T00:00:00Z' });
    const before = await get(id);
    const request = await patch(id, body);
    expect(request).toMatchObject({ kind: 'widen', key_id: id, status: 'pending', fields });
    expect(await get(id)).toEqual(before);
    expect(await result(app.call('PATCH', `/v1/keys/${id}`, { key: asker, body }))).toEqual([
      409,
      'conflict',
    ]);
    expect(await decide('approve', request.id, approver)).toEqual([200, undefined]);
    const after = await get(id);
    expect(after).not.toMatchObject({
      policy: before.policy,
      scopes: before.scopes,
      type: before.type,
      expires_at: before.expires_at,
    });
    expect(after).toMatchObject({ status: 'active', version: before.version + 1 });
    if (body.name !== undefined) expect(after.name).toBe(body.name);
  });

  it('is done at once where it gives it less, or needs no approval', async () => {
    const { id } = await approvedKey();
    await patch(id, { rate_limits: { requests: { per_minute: 5 } }, metadata: { a: 1 } }, 200);
    await patch(id, { expires_at: '2097-01-01T00:00:00Z' }, 200);
    await patch(id, { scopes: ['models:read'] }, 200);
    expect(await openOf(id)).toEqual([]);
    const free = await newKey({ permissions: { models: ['sandbox/echo'] } });
    await patch(free.id, { permissions: { models: ['sandbox/*'] } }, 200);
    await patch(free.id, { permissions: { require_approval: true } }, 200);
    expect(await get(free.id)).toMatchObject({ status: 'active' });
    await patch(free.id, { permissions: { models: null } }, 202);
  });

  it('is forgotten when it is rejected', async () => {
    const { id, key } = await approvedKey();
    await patch(id, { permissions: { models: ['sandbox/*'] } });
    expect(await decide('reject', id, approver)).toEqual([200, undefined]);
    expect(await modelsOf(id)).toEqual(['sandbox/echo']);
    expect((await chat(key)).status).toBe(200);
    await patch(id, { permissions: { models: ['sandbox/*'] } });
  });

  it('is no more than both may do by then', async () => {
    const other = await ask<Made>(
      'POST',
      '/v1/keys',
      { body: { name: 'asker', access_level: 'admin' } },
      201,
    );
    const { id } = await approvedKey();
    const request = await patch(id, { scopes: ['inference', 'usage:read'] }, 202, other.key);
    const narrow = await app.keyWith({ scopes: ['keys:read', 'keys:write', 'org:write'] });
    expect(await decide('approve', request.id, narrow)).toEqual([403, 'escalation_denied']);
    await patch(other.id, { scopes: ['keys:read', 'keys:write'] }, 200, app.masterKey);
    expect(await decide('approve', request.id, approver)).toEqual([403, 'escalation_denied']);
    expect(await get(id)).toMatchObject({ scopes: ['inference', 'models:read'] });
    expect(await openOf(id)).toHaveLength(1);
  });

  it('is also to let it in again', async () => {
    const { id, key } = await approvedKey();
    await ask('POST', `/v1/keys/${id}/disable`, { key: asker });
    const soon = { auto_enable_after: '1s' };
    expect(
      await result(app.call('POST', `/v1/keys/${id}/disable`, { key: asker, body: soon })),
    ).toEqual([403, 'approval_required']);
    const headers = { prefer: 'wait=1' };
    const request = await ask<Request>(
      'POST',
      `/v1/keys/${id}/enable`,
      { key: asker, headers },
      202,
    );
    expect(request.fields).toEqual(['disabled']);
    expect(await result(chat(key))).toEqual([403, 'key_disabled']);
    expect(await decide('approve', request.id, asker)).toEqual([403, 'approval_required']);
    expect(await decide('approve', request.id, approver)).toEqual([200, undefined]);
    expect((await chat(key)).status).toBe(200);
  });

  it('heeds If-Match, and writes no tie to a template before it is approved', async () => {
    const { id } = await approvedKey();
    const template = await ask<Made>(
      'POST',
      '/v1/policies',
      { body: { name: 'wide', permissions: { models: ['sandbox/*'], require_approval: true } } },
      201,
    );
    const body = { permissions: { inherit_from: template.id } };
    const headers = { 'if-match': '"99"' };
    const stale = await app.call('PATCH', `/v1/keys/${id}`, { key: asker, body, headers });
    expect(stale.status).toBe(412);
    await patch(id, body);
    expect(await ask('GET', `/v1/keys/${id}/policy`)).toMatchObject({ inherit_from: null });
    expect(await decide('approve', id, approver)).toEqual([200, undefined]);
    expect(await ask('GET', `/v1/keys/${id}/policy`)).toMatchObject({ inherit_from: template.id });
    expect(await modelsOf(id)).toEqual(['sandbox/*']);
  });
});

describe('a request that nobody decides on', () => {
  it('is over when its time is, and a new key is revoked by then', async () => {
    const settings = await ask<{ organization_id: string }>('GET', '/v1/key');
    const organization = `/v1/organizations/${settings.organization_id}`;
    const wrong = await app.call('PATCH', organization, { body: { approval_expiry_hours: 721 } });
    expect(wrong.status).toBe(400);
    await ask('PATCH', organization, { body: { approval_expiry_hours: 2 } });
    const { id, key } = await newKey();
    const [request] = await openOf(id);
    const { created_at: from, expires_at: until } = request as unknown as Record<string, string>;
    const hours = (Date.parse(until ?? '') - Date.parse(from ?? '')) / 3_600_000;
    expect(hours).toBeCloseTo(2, 2);
    expect(await get(id)).toMatchObject({ revoked_at: until, status: 'pending_approval' });
    await shiftRequests(id);
    await runSql(app, 'UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
    expect(await decide('approve', request?.id ?? '', approver)).toEqual([409, 'conflict']);
    expect(await get(id)).toMatchObject({
      status: 'revoked',
      revoked_reason: 'Nobody approved it in time.',
    });
    const expired = await ask<{ data: Request[] }>('GET', '/v1/approvals?status=expired');
    expect(expired.data.map((one) => one.id)).toContain(request?.id);
    expect(await result(chat(key))).toEqual([401, 'revoked_api_key']);
  });

  it('makes room for the next', async () => {
    const { id, key } = await approvedKey();
    const wider = { permissions: { models: ['sandbox/*'] } };
    const first = await patch(id, wider);
    await shiftRequests(id);
    expect(await decide('approve', id, approver)).toEqual([409, 'conflict']);
    expect(await decide('approve', first.id, approver)).toEqual([409, 'conflict']);
    const second = await patch(id, wider);
    expect(await ask('GET', `/v1/approvals/${first.id}`)).toMatchObject({ status: 'expired' });
    expect(await decide('approve', second.id, approver)).toEqual([200, undefined]);
    expect((await chat(key, 'sandbox/lorem')).status).toBe(200);
  });
});

describe('GET /v1/approvals', () => {
  it('pages through what the caller reaches', async () => {
    const made = [await newKey(), await newKey(), await newKey()].map(({ id }) => id);
    const first = await ask<{ data: Request[]; next_cursor: string }>(
      'GET',
      '/v1/approvals?limit=2',
    );
    expect(first.data.map((one) => one.key_id)).toEqual([made[2], made[1]]);
    const next = `/v1/approvals?limit=1&cursor=${first.next_cursor}`;
    const second = await ask<{ data: Request[] }>('GET', next);
    expect(second.data.map((one) => one.key_id)).toEqual([made[0]]);
    expect(await ask('GET', `/v1/approvals/${second.data[0]?.id ?? ''}`)).toEqual(second.data[0]);
    expect(await result(app.call('GET', '/v1/approvals/apr_none'))).toEqual([404, 'not_found']);
    expect(await decide('approve', 'apr_none', approver)).toEqual([404, 'not_found']);
  });

  it('shows no secret', async () => {
    const { id, key } = await newKey();
    const answer = JSON.stringify(await openOf(id));
    expect(answer).not.toContain(key.slice(-20));
  });
});

describe('two who decide at once, on two instances', () => {
  it('do not both: the other is told that it is decided', async () => {
    const besides = await startTestApp({ besides: app });
    try {
      for (const verbs of [
        ['approve', 'approve'],
        ['approve', 'reject'],
        ['reject', 'approve'],
      ]) {
        for (const { id } of [await newKey(), await newKey()]) {
          const answers = await Promise.all(
            [app, besides].map((one, at) =>
              one.call('POST', `/v1/keys/${id}/${verbs[at]}`, {
                key: at === 0 ? approver : app.masterKey,
              }),
            ),
          );
          expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
          const won = answers.findIndex(({ status }) => status === 200);
          const { data } = await ask<{ data: Request[] }>('GET', `/v1/approvals?key_id=${id}`);
          const isApproved = verbs[won] === 'approve';
          expect(data.map(({ status }) => status)).toEqual([isApproved ? 'approved' : 'rejected']);
          expect((await get(id)).status).toBe(isApproved ? 'active' : 'revoked');
        }
      }
    } finally {
      await besides.close();
    }
  });

  it('lets a key in everywhere within a second', async () => {
    const besides = await startTestApp({ besides: app });
    try {
      const { id, key } = await newKey();
      const there = (): Promise<Answer> =>
        besides.call('POST', '/v1/chat/completions', {
          key,
          body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'x' }] },
        });
      expect(await result(there())).toEqual([403, 'key_pending_approval']);
      await ask('POST', `/v1/keys/${id}/approve`, { key: approver });
      await expect
        .poll(async () => (await there()).status, { timeout: 1_000, interval: 50 })
        .toBe(200);
    } finally {
      await besides.close();
    }
  });

  it('ask for more at once: one of them waits', async () => {
    const { id } = await approvedKey();
    const body = { permissions: { models: ['sandbox/*'] } };
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => app.call('PATCH', `/v1/keys/${id}`, { key: asker, body })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([202, 409, 409, 409]);
    expect(await openOf(id)).toHaveLength(1);
  });
});

describe('approval.requested', () => {
  it('is told of each request, with its id', async () => {
    const { id } = await approvedKey();
    const request = await patch(id, { permissions: { models: ['sandbox/*'] } });
    const told = await runSql(
      app,
      `SELECT data FROM notifications WHERE type = 'approval.requested' AND key_id = $1 ORDER BY occurred_at`,
      [id],
    );
    expect(told).toHaveLength(2);
    expect(told[1]?.data).toMatchObject({
      key_id: id,
      approval_id: request.id,
      kind: 'widen',
      fields: ['permissions.models.allowed'],
    });
  });
});
