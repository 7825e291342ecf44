import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { type Answer, type Call, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import {
  callAs,
  fromElsewhere,
  logIn,
  newEmail,
  PASSWORD,
  type Person,
  personOf,
  runSql,
  signUp,
} from '../../support/people.js';

let open: TestApp;
let app: TestApp;
let host: Person;
beforeAll(async () => {
  const env = { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' };
  open = await startTestApp({ env: { ...env, LATCHKEY_SIGNUP: 'open' } });
  // Whoever is invited makes an account where nobody else may.
  app = await startTestApp({ besides: open, env: { LATCHKEY_SIGNUP: 'closed' } });
  host = await signUp(open, { organization_name: 'Hosts' });
});
afterAll(async () => {
  await app.close();
  await open.close();
});

let email: string;
let token: string;
beforeEach(async () => {
  email = newEmail();
  token = await invite(email);
});

async function invite(to: string, expires = '1 day'): Promise<string> {
  const made = randomBytes(24).toString('hex');
  const hash = createHash('sha256').update(made).digest();
  await runSql(
    open,
    `INSERT INTO invitations (id, organization_id, email, role, token_hash, invited_by, created_at, expires_at)
     VALUES ($1, $2, $3, 'developer', $4, $5, now(), now() + $6::interval)`,
    [newId('invitation'), host.organizationId, to, hash, host.id, expires],
  );
  return made;
}

function accept(body: unknown, call: Call = {}, invitation = token): Promise<Answer> {
  const headers = { ...fromElsewhere(), ...call.headers };
  const path = `/v1/invitations/${invitation}/accept`;
  return app.call('POST', path, { key: null, ...call, headers, body });
}

function expectEntered(answer: Answer): Person {
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  expect(answer.body).toMatchObject({ organization: { id: host.organizationId, name: 'Hosts' } });
  expect(answer.headers.get('set-cookie')).toMatch(/^latchkey_session=lks_/);
  return personOf(answer);
}

describe('an invitation', () => {
  it('makes an account of the invited address, with the role and a session', async () => {
    const person = expectEntered(await accept({ name: 'Bob', password: PASSWORD }));
    expect(person.email).toBe(email);
    const me = await callAs(app, person, ['GET', '/v1/auth/me']);
    expect(me.body).toMatchObject({ user: { name: 'Bob' }, role: 'developer' });
    expect((me.body as { memberships: unknown[] }).memberships).toHaveLength(1);
    expect((await logIn(app, email)).status).toBe(200);
  });

  it('takes the password of an account that is there', async () => {
    const person = await signUp(open);
    const invitation = await invite(person.email);
    const wrong = await accept({ password: 'not this one' }, {}, invitation);
    expect([wrong.status, codeOf(wrong)]).toEqual([401, 'invalid_credentials']);
    const entered = expectEntered(await accept({ password: PASSWORD }, {}, invitation));
    expect(entered.id).toBe(person.id);
    const me = await callAs(app, entered, ['GET', '/v1/auth/me']);
    expect((me.body as { memberships: unknown[] }).memberships).toHaveLength(2);
  });

  it('takes a session of the account, by token or by cookie and CSRF token', async () => {
    const person = await signUp(open);
    const first = await invite(person.email);
    expectEntered(await accept({}, { key: person.token }, first));
    await runSql(
      open,
      'DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2',
      [host.organizationId, person.id],
    );
    const second = await invite(person.email);
    const cookie = { cookie: person.sessionCookie };
    const forged = await accept({}, { headers: cookie }, second);
    expect([forged.status, codeOf(forged)]).toEqual([403, 'operation_not_allowed']);
    const headers = { ...cookie, 'x-csrf-token': person.csrfToken };
    expectEntered(await accept({}, { headers }, second));
  });

  it('is for the invited address and for no other', async () => {
    const other = await signUp(open);
    const answer = await accept({}, { key: other.token });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'operation_not_allowed']);
    expectEntered(await accept({ password: PASSWORD }));
  });

  it('is not accepted by somebody who is suspended, nor by a session that is over', async () => {
    const person = await signUp(open);
    const invitation = await invite(person.email);
    await runSql(open, `UPDATE users SET status = 'suspended' WHERE id = $1`, [person.id]);
    for (const call of [{}, { key: person.token }]) {
      const body = 'key' in call ? {} : { password: PASSWORD };
      const answer = await accept(body, call, invitation);
      expect([answer.status, codeOf(answer)]).toEqual([403, 'key_disabled']);
    }
    const over = await accept({}, { key: `lks_${'a'.repeat(43)}` }, invitation);
    expect([over.status, codeOf(over)]).toEqual([401, 'invalid_credentials']);
  });

  it('is good once, also when it is accepted twice at once', async () => {
    const body = { name: 'Bob', password: PASSWORD };
    const both = await Promise.all([accept(body), accept(body)]);
    const [first, second] = both.map(({ status }) => status).toSorted();
    expect(first).toBe(200);
    expect([404, 409]).toContain(second);
    const again = await accept(body);
    expect([again.status, codeOf(again)]).toEqual([404, 'not_found']);
    const rows = await runSql(open, 'SELECT count(*)::int AS n FROM users WHERE email = $1', [
      email,
    ]);
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('makes nobody a member twice, and is not used up by that', async () => {
    expectEntered(await accept({ password: PASSWORD }));
    const again = await invite(email);
    const answer = await accept({ password: PASSWORD }, {}, again);
    expect([answer.status, codeOf(answer)]).toEqual([409, 'conflict']);
  });

  it('is unknown when it is too old, or was never made', async () => {
    const old = await invite(newEmail(), '-1 second');
    for (const invitation of [old, 'x', 'x'.repeat(200)]) {
      const answer = await accept({ password: PASSWORD }, {}, invitation);
      expect([answer.status, codeOf(answer)]).toEqual([404, 'not_found']);
    }
  });

  it.each([
    ['no password', {}, 'password'],
    ['a short one', { password: 'a'.repeat(11) }, 'password'],
    ['what is not known', { password: PASSWORD, role: 'owner' }, 'role'],
  ])('is refused with %s, and stays open', async (_, body, param) => {
    const answer = await accept(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { param } });
    expectEntered(await accept({ password: PASSWORD }));
  });

  it('is refused with the invited address as the password', async () => {
    const answer = await accept({ password: email });
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param: 'password' } });
  });
});
