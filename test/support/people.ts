import { createHash } from 'node:crypto';
import pg from 'pg';

import { type Answer, type Call, type TestApp } from './app.js';

export const PASSWORD = 'correct horse battery';

/** Somebody who has just signed up, and owns an organization. */
export type Person = {
  readonly id: string;
  readonly email: string;
  readonly organizationId: string;
  readonly token: string;
  readonly csrfToken: string;
  readonly sessionCookie: string;
};

let count = 0;

/** An address that nobody has yet. */
export function newEmail(): string {
  return `person${++count}@example.com`;
}

/** Calls seem to come from somewhere else each time, so that they do not add up to a 429. The proxy 127.0.0.1 is trusted. */
export function fromElsewhere(): Record<string, string> {
  count++;
  return { 'x-forwarded-for': `203.0.${(count >> 8) & 255}.${count & 255}` };
}

export async function signUp(app: TestApp, fields: Record<string, unknown> = {}): Promise<Person> {
  const body = { email: newEmail(), password: PASSWORD, ...fields };
  const headers = fromElsewhere();
  const answer = await app.call('POST', '/v1/auth/signup', { key: null, body, headers });
  if (answer.status !== 201) throw new Error(`No account: ${JSON.stringify(answer.body)}`);
  return personOf(answer);
}

export function personOf({ body, headers }: Answer): Person {
  const { user, organization, token, csrf_token } = body as {
    user: { id: string; email: string };
    organization?: { id: string };
    token: string;
    csrf_token: string;
  };
  return {
    id: user.id,
    email: user.email,
    organizationId: organization?.id ?? '',
    token,
    csrfToken: csrf_token,
    sessionCookie: (headers.get('set-cookie') ?? '').split(';')[0] ?? '',
  };
}

/** By the bearer token. */
export function callAs(
  app: TestApp,
  { token }: Pick<Person, 'token'>,
  [method, path]: readonly [string, string],
  call: Call = {},
): Promise<Answer> {
  return app.call(method, path, { key: token, ...call });
}

export function logIn(
  app: TestApp,
  email: string,
  password: string = PASSWORD,
  headers: Record<string, string> = fromElsewhere(),
): Promise<Answer> {
  return app.call('POST', '/v1/auth/login', { key: null, body: { email, password }, headers });
}

export async function runSql(
  app: TestApp,
  text: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** As they are when they were sent by mail: one to reset the user's password, one that invites bob@example.com as a viewer. */
export async function insertTokens(
  app: TestApp,
  userId: string,
  { reset, invitation }: { readonly reset: string; readonly invitation: string },
): Promise<void> {
  const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
  await runSql(
    app,
    `INSERT INTO password_resets VALUES ($1, $2, now(), now() + interval '1 hour')`,
    [sha256(reset), userId],
  );
  await runSql(
    app,
    `INSERT INTO invitations (id, organization_id, email, role, token_hash, invited_by, created_at, expires_at)
     SELECT 'inv_1', id, 'bob@example.com', 'viewer', $1, 'key_1', now(), now() + interval '1 hour'
       FROM organizations LIMIT 1`,
    [sha256(invitation)],
  );
}

/** For apps of these specs. */
export const OPEN_TO_PEOPLE = { LATCHKEY_SIGNUP: 'open', LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' };
