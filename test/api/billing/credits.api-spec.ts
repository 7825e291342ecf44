import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { foundOrganization, type SecondOrganization } from '../../support/organizations.js';
import { OPEN_TO_PEOPLE, callAs, runSql, signUp } from '../../support/people.js';

type Grant = {
  readonly id: string;
  readonly organization_id: string;
  readonly amount: number;
  readonly remaining: number;
  readonly balance: number;
  readonly granted_by: string;
  readonly kind: string;
};

const rootKey = randomBytes(32);
let app: TestApp;
let theirs: SecondOrganization;

beforeAll(async () => {
  app = await startTestApp({
    env: {
      LATCHKEY_SECRET_KEY: rootKey.toString('base64'),
      LATCHKEY_SIGNUP_CREDIT: '5.00',
      ...OPEN_TO_PEOPLE,
    },
  });
  theirs = await foundOrganization(app, rootKey);
});
afterAll(() => app.close());

const REASON = { reason: 'spec' };

async function grant(fields: Record<string, unknown>, headers: Record<string, string> = {}) {
  const answer = await app.call('POST', '/v1/credits/grants', {
    body: { ...REASON, ...fields },
    headers,
  });
  expect([answer.status, answer.body]).toEqual([201, answer.body]);
  return answer.body as Grant;
}

async function read(path: string, key?: string): Promise<Record<string, unknown>> {
  const answer = await app.call('GET', path, key === undefined ? {} : { key });
  expect([answer.status, answer.body]).toEqual([200, answer.body]);
  return answer.body as Record<string, unknown>;
}

const balance = async (key?: string): Promise<number> =>
  (await read('/manage/users/balance', key)).current_balance as number;

/** A customer that nobody else in this file spends for. */
async function customer(): Promise<SecondOrganization> {
  return foundOrganization(app, rootKey, 'Customer');
}

describe('a new organization', () => {
  it.each([
    ['the default one', () => Promise.resolve(undefined)],
    ['one that a master key makes', async () => (await customer()).admin],
  ])('%s begins with the sign-up credit, once', async (_, keyOf) => {
    const key = await keyOf();
    const { data } = await read('/v1/credits/grants', key);
    expect((data as Grant[]).filter(({ granted_by }) => granted_by === 'sign-up')).toMatchObject([
      { kind: 'promotional', amount: 5 },
    ]);
  });

  it('one that somebody signs up with begins with it too, and its log says so', async () => {
    const person = await signUp(app);
    const answer = await callAs(app, person, ['GET', '/v1/credits']);
    expect(answer.body).toMatchObject({ balance: { credits: 5, currency: 'USD' } });
    const entries = await runSql(
      app,
      `SELECT event_type, actor_type FROM audit_entries
        WHERE action = 'credit_grant.created' AND organization_id = $1`,
      [person.organizationId],
    );
    expect(entries).toEqual([{ event_type: 'billing_change', actor_type: 'user' }]);
  });
});

describe('POST /v1/credits/grants', () => {
  it('adds exactly what is granted, to the nano-dollar', async () => {
    const { id, admin } = await customer();
    const made = await grant({ organization_id: id, amount: '0.000000001' });
    expect(made).toMatchObject({
      organization_id: id,
      kind: 'prepaid',
      amount: 1e-9,
      remaining: 1e-9,
      balance: 5.000000001,
    });
    expect((await grant({ organization_id: id, amount: 2.5 })).balance).toBe(7.500000001);
    expect(await balance(admin)).toBe(7.500000001);
  });

  it('is for the caller’s own organization unless it says another', async () => {
    const before = await balance();
    expect((await grant({ amount: 1 })).balance).toBe(before + 1);
  });

  it('pays what the organization owes first', async () => {
    const { id } = await customer();
    await runSql(app, "SELECT charge_usage($1, 7000000000, now(), now(), 'k', 'spec')", [id]);
    expect(await grant({ organization_id: id, amount: 10 })).toMatchObject({
      amount: 10,
      remaining: 8,
      balance: 8,
    });
    await runSql(app, "SELECT charge_usage($1, 9000000000, now(), now(), 'l', 'spec')", [id]);
    expect(await grant({ organization_id: id, amount: 0.25 })).toMatchObject({
      remaining: 0,
      balance: -0.75,
    });
  });

  it('gives once for one Idempotency-Key, however often and at once it is sent', async () => {
    const { id, admin } = await customer();
    const headers = { 'idempotency-key': randomBytes(8).toString('hex') };
    const body = { ...REASON, organization_id: id, amount: 3 };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => app.call('POST', '/v1/credits/grants', { body, headers })),
    );
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    await grant(body, headers);
    expect(await balance(admin)).toBe(8);
  });

  it('is written to the audit log of who gets it', async () => {
    const { id } = await customer();
    const { id: grantId } = await grant({ organization_id: id, amount: 3, reason: 'Paid' });
    const entries = await runSql(
      app,
      'SELECT action, reason, after FROM audit_entries WHERE organization_id = $1 AND target_id = $2',
      [id, grantId],
    );
    expect(entries).toMatchObject([
      { action: 'credit_grant.created', reason: 'Paid', after: { amount: 3, kind: 'prepaid' } },
    ]);
  });

  it.each([
    ['nothing', { amount: 0 }],
    ['less than nothing', { amount: -1 }],
    ['more places than money has', { amount: '0.0000000001' }],
    ['a number that is not exact', { amount: 0.1234567891 }],
    ['an exponent', { amount: '1e3' }],
    ['too much', { amount: 9_000_001 }],
    ['no number', { amount: NaN }],
    ['a text that is none', { amount: 'five' }],
    ['no amount', {}],
    ['no reason', { amount: 1, reason: '' }],
    ['an end in the past', { amount: 1, expires_at: '2020-01-01T00:00:00Z' }],
    ['a kind that is none', { amount: 1, kind: 'bonus' }],
    ['an unknown field', { amount: 1, currency: 'EUR' }],
  ])('refuses %s', async (_, fields) => {
    const answer = await app.call('POST', '/v1/credits/grants', { body: { ...REASON, ...fields } });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'invalid_request']);
  });

  it('refuses what would be more than an organization can have', async () => {
    const { id } = await customer();
    const body = { ...REASON, organization_id: id, amount: 9_000_000 };
    const answer = await app.call('POST', '/v1/credits/grants', { body });
    expect([answer.status, codeOf(answer)]).toEqual([409, 'conflict']);
  });

  it('is for master keys alone', async () => {
    for (const key of [theirs.admin, await app.keyWith({ access_level: 'admin' })]) {
      const body = { ...REASON, amount: 1 };
      const answer = await app.call('POST', '/v1/credits/grants', { key, body });
      expect([answer.status, codeOf(answer)]).toEqual([403, 'escalation_denied']);
    }
    const key = await app.keyWith({ access_level: 'full' });
    const answer = await app.call('POST', '/v1/credits/grants', { key, body: REASON });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'insufficient_scope']);
  });

  it('knows no organization that is not there, or not the caller’s', async () => {
    const { id } = await customer();
    for (const call of [
      { body: { ...REASON, amount: 1, organization_id: 'org_nobody' } },
      { body: { ...REASON, amount: 1, organization_id: id }, key: theirs.admin },
    ]) {
      const answer = await app.call('POST', '/v1/credits/grants', call);
      expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
    }
  });
});

describe('GET /v1/credits/grants', () => {
  it('pages through them, newest first', async () => {
    const { id, admin } = await customer();
    for (const amount of [1, 2, 3]) await grant({ organization_id: id, amount });
    const amounts: number[] = [];
    let cursor = '';
    for (let page = 0; page < 4; page++) {
      const body = await read(`/v1/credits/grants?limit=1${cursor}`, admin);
      amounts.push(...(body.data as Grant[]).map(({ amount }) => amount));
      cursor = `&cursor=${String(body.next_cursor)}`;
      if (body.has_more !== true) break;
    }
    expect(amounts).toEqual([3, 2, 1, 5]);
  });

  it('shows another organization’s to a master key alone', async () => {
    const { id } = await customer();
    const path = `/v1/credits/grants?organization_id=${id}`;
    expect((await read(path)).data).toHaveLength(1);
    const answer = await app.call('GET', path, { key: theirs.admin });
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
  });
});

describe('GET /v1/credits', () => {
  it('tells what there is, and what was used today and this month', async () => {
    const { admin } = await customer();
    const unused = { credits_used: 0, requests: 0, tokens: { prompt: 0, completion: 0, total: 0 } };
    expect(await read('/v1/credits', admin)).toEqual({
      object: 'credit_balance',
      balance: { credits: 5, currency: 'USD' },
      usage: { daily: unused, monthly: unused },
      limits: {
        rate_limit: { requests_per_minute: null, tokens_per_minute: null },
        daily_limit: { credits: null, remaining: null },
      },
      billing: {
        plan: 'prepaid',
        auto_recharge: { enabled: false, threshold: null, amount: null },
        next_billing_date: null,
      },
    });
  });

  it('counts no credit that has expired, though nobody has taken it back yet', async () => {
    const { id, admin } = await customer();
    const made = await grant({
      organization_id: id,
      amount: 2,
      expires_at: '2999-01-01T00:00:00Z',
    });
    expect(made.balance).toBe(7);
    // Its owner alone can do that, who can also take the guard away.
    await runSql(
      app,
      `ALTER TABLE credit_grants DISABLE TRIGGER credit_grants_posted;
       UPDATE credit_grants SET expires_at = now() WHERE id = '${made.id}';
       ALTER TABLE credit_grants ENABLE TRIGGER credit_grants_posted`,
    );
    expect(await balance(admin)).toBe(5);
  });

  it('tells the balance alone to who may not read usage', async () => {
    const key = await app.keyWith({ scopes: ['billing:read'] });
    expect(Object.keys(await read('/v1/credits', key))).toEqual(['object', 'balance']);
  });

  it('is refused without billing:read', async () => {
    const key = await app.keyWith({ access_level: 'inference' });
    for (const path of ['/v1/credits', '/v1/credits/grants']) {
      const answer = await app.call('GET', path, { key });
      expect([answer.status, codeOf(answer)]).toEqual([403, 'insufficient_scope']);
    }
    const refused = await app.call('GET', '/manage/users/balance', { key });
    expect([refused.status, typeof (refused.body as { error: unknown }).error]).toEqual([
      403,
      'string',
    ]);
  });
});

describe('GET /manage/users/balance', () => {
  it.each(['/manage', '/v1/manage'])('answers under %s', async (prefix) => {
    const { admin } = await customer();
    expect(await read(`${prefix}/users/balance`, admin)).toEqual({
      current_balance: 5,
      currency: 'USD',
    });
  });
});
