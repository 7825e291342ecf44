import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { OPEN_TO_PEOPLE, signUp } from '../../support/people.js';

type Made = { readonly id: string; readonly key: string };

let app: TestApp;
let asker: string;
let approver: string;
beforeAll(async () => {
  app = await startTestApp({ env: OPEN_TO_PEOPLE });
  asker = await app.keyWith({ access_level: 'admin' });
  approver = await app.keyWith({ access_level: 'admin' });
});
afterAll(async () => {
  await app.close();
});

const WIDER = { permissions: { models: ['sandbox/*'] } };

async function newKey(key: string, fields: Record<string, unknown> = {}): Promise<Made> {
  const body = { name: 'asked for', permissions: { require_approval: true, models: ['a'] } };
  const made = await app.call('POST', '/v1/keys', { key, body: { ...body, ...fields } });
  expect(made.status).toBe(201);
  return made.body as Made;
}

async function openOf(keyId: string, key = asker): Promise<string> {
  const { body } = await app.call('GET', `/v1/approvals?status=pending&key_id=${keyId}`, { key });
  return (body as { data: { id: string }[] }).data[0]?.id ?? '';
}

const call = (verb: string, id: string, key: string, body: unknown = {}): Promise<Answer> =>
  app.call('POST', `/v1/approvals/${id}/${verb}`, { key, body });
const outcome = async (answer: Promise<Answer>): Promise<unknown> => {
  const got = await answer;
  return [got.status, codeOf(got)];
};
const keyOf = async (id: string): Promise<unknown> =>
  (await app.call('GET', `/v1/keys/${id}`, { key: asker })).body;

describe('POST /v1/approvals/{id}/withdraw', () => {
  it('takes a new key back, which is revoked by that', async () => {
    const { id, key } = await newKey(asker);
    const request = await openOf(id);
    const withdrawn = await call('withdraw', request, asker, { reason: 'a mistake' });
    expect(withdrawn).toMatchObject({
      status: 200,
      body: { id: request, status: 'withdrawn', reason: 'a mistake' },
    });
    const { requested_by: by, decided_by: byToo } = withdrawn.body as Record<string, unknown>;
    expect(byToo).toBe(by);
    expect(await keyOf(id)).toMatchObject({ status: 'revoked', revoked_reason: 'a mistake' });
    expect(await outcome(app.call('GET', '/v1/key', { key }))).toEqual([401, 'revoked_api_key']);
    for (const verb of ['withdraw', 'approve', 'reject']) {
      const by = verb === 'withdraw' ? asker : approver;
      expect([verb, await outcome(call(verb, request, by))]).toEqual([verb, [409, 'conflict']]);
    }
  });

  it('leaves a key as it is that was to get more, which then may be asked for again', async () => {
    const { id } = await newKey(asker);
    await call('approve', await openOf(id), approver);
    const before = await keyOf(id);
    await app.call('PATCH', `/v1/keys/${id}`, { key: asker, body: WIDER });
    expect((await call('withdraw', await openOf(id), asker)).status).toBe(200);
    expect(await keyOf(id)).toEqual(before);
    const again = await app.call('PATCH', `/v1/keys/${id}`, { key: asker, body: WIDER });
    expect(again.status).toBe(202);
    const { body } = await app.call('GET', '/v1/approvals?status=withdrawn', { key: asker });
    expect((body as { data: unknown[] }).data[0]).toMatchObject({ key_id: id, kind: 'widen' });
  });

  it('is for who asked: 403 for others who see it, 404 for who does not', async () => {
    const { id } = await newKey(asker);
    const request = await openOf(id);
    for (const key of [approver, app.masterKey]) {
      const refused = await call('withdraw', request, key);
      expect([refused.status, codeOf(refused)]).toEqual([403, 'operation_not_allowed']);
      expect(JSON.stringify(refused.body)).toContain('Reject it instead');
    }
    const elsewhere = await signUp(app);
    for (const one of [request, 'apr_none']) {
      expect(await outcome(call('withdraw', one, elsewhere.token))).toEqual([404, 'not_found']);
    }
    expect(await keyOf(id)).toMatchObject({ status: 'pending_approval' });
  });

  it('is for the same user as well, in a session or with another key of theirs', async () => {
    const person = await signUp(app);
    const own = await newKey(person.token, {
      type: 'personal',
      permissions: {},
      access_level: 'admin',
    });
    const bySession = await newKey(person.token);
    const byKey = await newKey(own.key);
    const somebodyElse = await newKey(person.token, {
      type: 'service',
      permissions: {},
      access_level: 'admin',
    });
    const requests = [
      { id: await openOf(bySession.id, person.token), key: own.key },
      { id: await openOf(byKey.id, person.token), key: person.token },
    ];
    for (const { id, key } of requests) {
      expect(await outcome(call('withdraw', id, somebodyElse.key))).toEqual([
        403,
        'operation_not_allowed',
      ]);
      expect(await outcome(call('withdraw', id, key))).toEqual([200, undefined]);
    }
  });

  it('counts once, whoever approves at the same time', async () => {
    for (let round = 0; round < 4; round++) {
      const { id } = await newKey(asker);
      const request = await openOf(id);
      const answers = await Promise.all([
        call('withdraw', request, asker),
        call('approve', request, approver),
      ]);
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      const isWithdrawn = answers[0].status === 200;
      expect(await keyOf(id)).toMatchObject({ status: isWithdrawn ? 'revoked' : 'active' });
    }
  });
});
