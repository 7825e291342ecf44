import { hash } from '@node-rs/argon2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SCOPES } from '#common/auth/scopes.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import {
  callAs,
  fromElsewhere,
  logIn,
  newEmail,
  OPEN_TO_PEOPLE,
  PASSWORD,
  personOf,
  runSql,
  signUp,
} from '../../support/people.js';

type Made = {
  readonly user: unknown;
  readonly organization: { readonly id: string };
  readonly token: string;
  readonly expires_at: string;
  readonly csrf_token: string;
};

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ env: OPEN_TO_PEOPLE });
});
afterAll(() => app.close());

function post(path: string, body: unknown): Promise<Answer> {
  return app.call('POST', path, { key: null, body, headers: fromElsewhere() });
}

describe('signing up', () => {
  it('makes an account, an organization that it owns, and a session', async () => {
    const email = newEmail();
    const fields = { password: PASSWORD, name: 'Ada', organization_name: 'Engines' };
    const answer = await post('/v1/auth/signup', { email: email.toUpperCase(), ...fields });
    expect(answer.status).toBe(201);
    const { user, organization, token, expires_at, csrf_token } = answer.body as Made;
    expect(user).toMatchObject({ email, name: 'Ada' });
    expect(organization).toMatchObject({ name: 'Engines' });
    expect(token).toMatch(/^lks_[0-9A-Za-z]{43}$/);
    expect(csrf_token).toMatch(/^[\w-]{43}$/);
    const days = (Date.parse(expires_at) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(6.99);
    expect(days).toBeLessThanOrEqual(7);
    expect(answer.headers.get('set-cookie')).toBe(
      `latchkey_session=${token}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax`,
    );
    const me = await callAs(app, { token }, ['GET', '/v1/auth/me']);
    expect(me.body).toEqual({
      user,
      organization,
      role: 'owner',
      scopes: [...SCOPES],
      memberships: [
        {
          organization_id: organization.id,
          organization_name: 'Engines',
          role: 'owner',
          suspended: false,
        },
      ],
      csrf_token,
      expires_at,
    });
  });

  it('sends the cookie over TLS alone where the request came so', async () => {
    const headers = { ...fromElsewhere(), 'x-forwarded-proto': 'https' };
    const body = { email: newEmail(), password: PASSWORD };
    const answer = await app.call('POST', '/v1/auth/signup', { key: null, body, headers });
    expect(answer.headers.get('set-cookie')).toMatch(/; HttpOnly; SameSite=Lax; Secure$/);
  });

  it('refuses an address that somebody has, also in another case and twice at once', async () => {
    const email = newEmail();
    const body = { email, password: PASSWORD };
    const both = await Promise.all([post('/v1/auth/signup', body), post('/v1/auth/signup', body)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 409]);
    const again = await post('/v1/auth/signup', { ...body, email: email.toUpperCase() });
    expect([again.status, codeOf(again)]).toEqual([409, 'conflict']);
    const rows = await runSql(app, 'SELECT count(*)::int AS n FROM users WHERE email = $1', [
      email,
    ]);
    expect(rows).toEqual([{ n: 1 }]);
  });

  it('tells who has an account no faster than failed logins could, with which it is counted', async () => {
    const taken = (await signUp(app)).email;
    const headers = fromElsewhere();
    const trySignUp = (email: string, from = headers): Promise<Answer> => {
      const body = { email, password: PASSWORD };
      return app.call('POST', '/v1/auth/signup', { key: null, body, headers: from });
    };
    for (let times = 1; times <= 58; times++) {
      expect(codeOf(await trySignUp(taken))).toBe('conflict');
    }
    expect((await logIn(app, newEmail(), 'not this one', headers)).status).toBe(401);
    expect((await trySignUp(newEmail())).status).toBe(201);
    for (const email of [taken, newEmail()]) {
      const refused = await trySignUp(email);
      expect([refused.status, codeOf(refused)]).toEqual([429, 'rate_limit_exceeded']);
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    }
    expect((await logIn(app, taken, 'not this one', headers)).status).toBe(429);
    expect((await trySignUp(taken, fromElsewhere())).status).toBe(409);
  });

  it.each([
    ['no address', { email: 'ada', password: PASSWORD }, 'email'],
    ['a short password', { email: 'a@example.com', password: 'a'.repeat(11) }, 'password'],
    ['a long password', { email: 'a@example.com', password: 'a'.repeat(257) }, 'password'],
    [
      'its address as the password',
      { email: 'ada.l@example.com', password: 'Ada.L@example.com' },
      'password',
    ],
    ['a password that is no text', { email: 'a@example.com', password: 123456789012 }, 'password'],
    [
      'a field that is not known',
      { email: 'a@example.com', password: PASSWORD, role: 'owner' },
      'role',
    ],
  ])('refuses %s', async (_, body, param) => {
    const answer = await post('/v1/auth/signup', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
    expect(JSON.stringify(answer.body)).not.toContain(PASSWORD);
  });
});

describe('logging in', () => {
  it('begins another session each time', async () => {
    const person = await signUp(app);
    const answer = await logIn(app, person.email.toUpperCase());
    expect(answer.status).toBe(200);
    expect(answer.body).not.toHaveProperty('organization');
    const second = personOf(answer);
    expect(second.token).not.toBe(person.token);
    for (const one of [person, second]) {
      expect((await callAs(app, one, ['GET', '/v1/auth/me'])).status).toBe(200);
    }
  });

  it('is for the organization that is named, if they belong to it', async () => {
    const [one, other] = [await signUp(app), await signUp(app)];
    await runSql(app, `INSERT INTO organization_members VALUES ($1, $2, 'viewer', now(), now())`, [
      other.organizationId,
      one.id,
    ]);
    const enter = (organization_id: string): Promise<Answer> =>
      post('/v1/auth/login', { email: one.email, password: PASSWORD, organization_id });
    const { token } = personOf(await enter(other.organizationId));
    const me = await callAs(app, { token }, ['GET', '/v1/auth/me']);
    expect(me.body).toMatchObject({ role: 'viewer', organization: { id: other.organizationId } });
    expect((me.body as { memberships: unknown[] }).memberships).toHaveLength(2);
    const foreign = await post('/v1/auth/login', {
      email: other.email,
      password: PASSWORD,
      organization_id: one.organizationId,
    });
    expect([foreign.status, codeOf(foreign)]).toEqual([404, 'not_found']);
    expect(foreign.headers.get('set-cookie')).toBeNull();
  });

  it('tells nobody who has an account: the answers are the same', async () => {
    const [person, suspended] = [await signUp(app), await signUp(app)];
    await runSql(app, `UPDATE users SET status = 'suspended' WHERE id = $1`, [suspended.id]);
    const answers = await Promise.all(
      [person.email, suspended.email, newEmail()].map((email) => logIn(app, email, 'not this one')),
    );
    const comparable = answers.map(({ status, headers, body }) => {
      const rest = [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id');
      const { error } = body as { error: Record<string, unknown> };
      return { status, rest, error: { ...error, request_id: null } };
    });
    expect(comparable[0]).toMatchObject({ status: 401, error: { code: 'invalid_credentials' } });
    expect(comparable[1]).toEqual(comparable[0]);
    expect(comparable[2]).toEqual(comparable[0]);
    const right = await logIn(app, suspended.email);
    expect([right.status, codeOf(right)]).toEqual([403, 'key_disabled']);
    expect(right.body).toMatchObject({ error: { message: 'Your account is suspended.' } });
  });

  it('is refused to somebody who belongs to no organization any more', async () => {
    const person = await signUp(app);
    await runSql(app, 'DELETE FROM organization_members WHERE user_id = $1', [person.id]);
    const answer = await logIn(app, person.email);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'operation_not_allowed']);
  });

  it('stores the password by today’s parameters, whatever it was stored by', async () => {
    const person = await signUp(app);
    const old = await hash(PASSWORD, { memoryCost: 4_096, timeCost: 3, parallelism: 1 });
    await runSql(app, 'UPDATE users SET password_hash = $2 WHERE id = $1', [person.id, old]);
    expect((await logIn(app, person.email)).status).toBe(200);
    const [row] = await runSql(app, 'SELECT password_hash FROM users WHERE id = $1', [person.id]);
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect((await logIn(app, person.email)).status).toBe(200);
  });
});

describe('logging out', () => {
  it('ends this session and no other', async () => {
    const person = await signUp(app);
    const second = personOf(await logIn(app, person.email));
    const answer = await callAs(app, person, ['POST', '/v1/auth/logout']);
    expect([answer.status, answer.body]).toEqual([200, { logged_out: true }]);
    expect(answer.headers.get('set-cookie')).toMatch(/^latchkey_session=; Path=\/; Max-Age=0;/);
    const over = await callAs(app, person, ['GET', '/v1/auth/me']);
    expect([over.status, codeOf(over)]).toEqual([401, 'invalid_credentials']);
    expect(over.headers.get('www-authenticate')).toContain('Bearer');
    expect((await callAs(app, second, ['GET', '/v1/auth/me'])).status).toBe(200);
  });

  it('takes two at once for one', async () => {
    const person = await signUp(app);
    const both = await Promise.all([
      callAs(app, person, ['POST', '/v1/auth/logout']),
      callAs(app, person, ['POST', '/v1/auth/logout']),
    ]);
    for (const { status } of both) expect([200, 401]).toContain(status);
  });
});

describe('changing the password', () => {
  const change = (token: string, current_password: string, new_password: string) =>
    app.call('POST', '/v1/auth/password', { key: token, body: { current_password, new_password } });

  it('ends all sessions but the one that does it', async () => {
    const person = await signUp(app);
    const second = personOf(await logIn(app, person.email));
    const next = 'another long password';
    expect((await change(second.token, PASSWORD, next)).body).toEqual({ changed: true });
    expect((await callAs(app, person, ['GET', '/v1/auth/me'])).status).toBe(401);
    expect((await callAs(app, second, ['GET', '/v1/auth/me'])).status).toBe(200);
    expect((await logIn(app, person.email)).status).toBe(401);
    expect((await logIn(app, person.email, next)).status).toBe(200);
  });

  it('wants the old one, and a good new one', async () => {
    const { token, email } = await signUp(app);
    const wrong = await change(token, 'not this one', 'another long password');
    expect([wrong.status, codeOf(wrong)]).toEqual([401, 'invalid_credentials']);
    expect((await change(token, PASSWORD, 'short')).status).toBe(400);
    expect((await change(token, PASSWORD, email)).status).toBe(400);
    expect((await callAs(app, { token }, ['GET', '/v1/auth/me'])).status).toBe(200);
  });
});

describe('an API key', () => {
  it('has no account', async () => {
    const body = { current_password: PASSWORD, new_password: 'another long password' };
    for (const [method, path, sent] of [
      ['GET', '/v1/auth/me'],
      ['POST', '/v1/auth/logout'],
      ['POST', '/v1/auth/password', body],
    ] as const) {
      const answer = await app.call(method, path, { body: sent });
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 403, 'operation_not_allowed']);
    }
  });
});

describe('an installation that takes no sign-ups', () => {
  it('says so, and takes logins', async () => {
    const person = await signUp(app);
    const closed = await startTestApp({ besides: app, env: { LATCHKEY_SIGNUP: 'closed' } });
    try {
      const body = { email: newEmail(), password: PASSWORD };
      const answer = await closed.call('POST', '/v1/auth/signup', { key: null, body });
      expect([answer.status, codeOf(answer)]).toEqual([403, 'operation_not_allowed']);
      expect(JSON.stringify(answer.body)).toContain('to invite you');
      const known = { ...body, email: person.email };
      const same = await closed.call('POST', '/v1/auth/signup', { key: null, body: known });
      expect([same.status, codeOf(same)]).toEqual([403, 'operation_not_allowed']);
      expect((await logIn(closed, person.email)).status).toBe(200);
    } finally {
      await closed.close();
    }
  });
});
