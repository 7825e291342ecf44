/** People on two instances: what changes for them on one is in force on the other within a second. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { AnnounceMemberChanges } from '#modules/organizations/members/announce-member-changes.js';
import type { TransactionRunner } from '#platform/database/transaction-runner.js';
import { EventBus } from '#platform/events/event-bus.js';
import { LinkedFanout } from '#platform/fanout/linked.fanout.js';
import { PostgresMedium } from '#platform/fanout/postgres.fanout.js';
import { createLogger } from '#platform/observability/logger.js';

import { type Answer, codeOf, startTestApp, type TestApp } from '../support/app.js';
import { dumpDatabase } from '../support/database-dump.js';
import { type MailServer, startMailServer } from '../support/mail-server.js';
import {
  callAs,
  fromElsewhere,
  logIn,
  newEmail,
  OPEN_TO_PEOPLE,
  PASSWORD,
  type Person,
  personOf,
  runSql,
  signUp,
} from '../support/people.js';
import { spellings } from '../support/secret-spellings.js';

/** Usually a few ms; what is promised is a second, of a machine that has nothing else to do. */
const WITHIN_MS = 3_000;

const logged: string[] = [];
let mailServer: MailServer;
let here: TestApp;
let there: TestApp;
let person: Person;
let fanout: LinkedFanout;
let events: EventBus;
beforeAll(async () => {
  mailServer = await startMailServer();
  const logger = createLogger('trace', { write: (line) => void logged.push(line) });
  const env = { ...OPEN_TO_PEOPLE, LATCHKEY_SMTP_URL: mailServer.url };
  here = await startTestApp({ env, logger });
  there = await startTestApp({ besides: here, env, logger });
  fanout = new LinkedFanout(new PostgresMedium(new Secret(here.databaseUrl)), logger);
  await fanout.start();
  const transactions = { afterCommit: (callback: () => void) => callback() };
  events = new EventBus(transactions as unknown as TransactionRunner, logger);
  new AnnounceMemberChanges(fanout, events);
});
afterAll(async () => {
  await fanout.close();
  await there.close();
  await here.close();
  await mailServer.close();
});
beforeEach(async () => {
  person = await signUp(here);
  // Known to both, so that both must forget it.
  for (const app of [here, there]) expect((await me(app)).status).toBe(200);
});

function me(app: TestApp, { token }: Pick<Person, 'token'> = person): Promise<Answer> {
  return callAs(app, { token }, ['GET', '/v1/auth/me']);
}

async function eventually(app: TestApp, expected: (answer: Answer) => void): Promise<void> {
  await vi.waitFor(async () => expected(await me(app)), { timeout: WITHIN_MS, interval: 20 });
}

function isOver({ status }: Answer): void {
  expect(status).toBe(401);
}

/** Another process, such as a worker, that announces what it has changed of members. */
async function change(
  sql: string,
  news: { readonly organizationId: string | null; readonly userId: string | null },
): Promise<void> {
  await runSql(here, sql, [news.userId ?? news.organizationId]);
  events.emit('organizations.members-changed', news);
}

describe('on another instance, within a second', () => {
  it('a logout is in force', async () => {
    await callAs(here, person, ['POST', '/v1/auth/logout']);
    isOver(await me(here));
    await eventually(there, isOver);
  });

  it('a new password ends the other sessions, and leaves this one', async () => {
    const second = personOf(await logIn(there, person.email));
    expect((await me(here, second)).status).toBe(200);
    const body = { current_password: PASSWORD, new_password: 'another long password' };
    const changed = await callAs(here, second, ['POST', '/v1/auth/password'], { body });
    expect(changed.status).toBe(200);
    await eventually(there, isOver);
    expect((await me(there, second)).status).toBe(200);
  });
});

describe('on every instance, within a second of another process saying so', () => {
  const user = (): string => person.id;
  const both = (expected: (answer: Answer) => void): Promise<unknown> =>
    Promise.all([eventually(here, expected), eventually(there, expected)]);
  const isRefusedFor =
    (what: string) =>
    (answer: Answer): void => {
      expect([answer.status, codeOf(answer)]).toEqual([403, 'key_disabled']);
      expect(answer.body).toMatchObject({ error: { message: `${what} is suspended.` } });
    };

  it('another role is in force', async () => {
    await change(`UPDATE organization_members SET role = 'billing' WHERE user_id = $1`, {
      organizationId: person.organizationId,
      userId: user(),
    });
    await both(({ body }) => expect(body).toMatchObject({ role: 'billing' }));
    for (const app of [here, there]) {
      const refused = await callAs(app, person, ['GET', '/v1/keys']);
      expect(codeOf(refused)).toBe('insufficient_scope');
    }
  });

  it('somebody is no member any more', async () => {
    await change('DELETE FROM organization_members WHERE user_id = $1', {
      organizationId: person.organizationId,
      userId: user(),
    });
    await both(isOver);
  });

  it('an account is suspended, and it is not any more', async () => {
    const news = { organizationId: null, userId: user() };
    await change(`UPDATE users SET status = 'suspended' WHERE id = $1`, news);
    await both(isRefusedFor('Your account'));
    await change(`UPDATE users SET status = 'active' WHERE id = $1`, news);
    await both(({ status }) => expect(status).toBe(200));
  });

  it('an organization is suspended, for everybody in it and for nobody else', async () => {
    const other = await signUp(here);
    await change(`UPDATE organizations SET status = 'suspended' WHERE id = $1`, {
      organizationId: person.organizationId,
      userId: null,
    });
    await both(isRefusedFor('This organization'));
    expect((await me(there, other)).status).toBe(200);
  });
});

describe('an account that failed logins lock', () => {
  const told = (): Promise<Record<string, unknown>[]> =>
    runSql(
      here,
      `SELECT organization_id, key_id, data FROM notifications
        WHERE type = 'security.suspicious_activity' AND data->>'subject_id' = $1`,
      [person.id],
    );
  const fail = async (times: number): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let time = 0; time < times; time++) {
      answers.push(await logIn(time % 2 ? there : here, person.email, 'not this one'));
    }
    return answers;
  };

  it('is told of to each of its organizations and to no other, once', async () => {
    const other = await signUp(here);
    await signUp(here);
    await runSql(here, `INSERT INTO organization_members VALUES ($1, $2, 'viewer', now(), now())`, [
      other.organizationId,
      person.id,
    ]);
    await fail(9);
    expect((await logIn(there, person.email)).status).toBe(200);
    expect(await told()).toEqual([]);
    const answers = await fail(4);
    expect(codeOf(answers.at(-1) as Answer)).toBe('rate_limit_exceeded');
    await vi.waitFor(async () => expect(await told()).toHaveLength(2), { timeout: 15_000 });
    // Who is refused now, on either instance, is nothing new.
    await fail(4);
    await new Promise((resolve) => setTimeout(resolve, 500));
    const rows = await told();
    expect(rows.map(({ organization_id: id }) => id).toSorted()).toEqual(
      [person.organizationId, other.organizationId].toSorted(),
    );
    for (const { key_id: keyId, data } of rows) {
      expect(keyId).toBeNull();
      expect(data).toMatchObject({ subject: 'user' });
      expect((data as { reason: string }).reason).toMatch(/^10 failed/);
      const leftMs = Date.parse((data as { locked_until: string }).locked_until) - Date.now();
      expect(leftMs).toBeGreaterThan(13 * 60_000);
      expect(leftMs).toBeLessThanOrEqual(15 * 60_000);
    }
  });
});

describe('a password reset', () => {
  async function request(email: string): Promise<Answer> {
    const headers = fromElsewhere();
    return here.call('POST', '/v1/auth/password-reset', { key: null, body: { email }, headers });
  }

  function confirm(app: TestApp, token: string, password: string): Promise<Answer> {
    const call = { key: null, body: { token, password }, headers: fromElsewhere() };
    return app.call('POST', '/v1/auth/password-reset/confirm', call);
  }

  async function mailedToken(email: string): Promise<string> {
    const find = (): string | undefined =>
      mailServer.mails.findLast((one) => one.includes(`To: ${email}`));
    const mail = await vi.waitFor(
      () => {
        const found = find();
        expect(found).toBeDefined();
        return found ?? '';
      },
      { timeout: 10_000, interval: 50 },
    );
    return /^lkr_[0-9A-Za-z]{43}/m.exec(mail.replaceAll(/=\r?\n/g, ''))?.[0] ?? '';
  }

  it('is answered in the same way to everybody', async () => {
    const answers = await Promise.all([request(person.email), request(newEmail())]);
    const comparable = answers.map(({ status, headers, body }) => [
      status,
      body,
      [...headers].filter(([name]) => name !== 'date' && name !== 'x-request-id'),
    ]);
    expect(comparable[0]).toEqual(comparable[1]);
    expect(comparable[0]?.[0]).toBe(200);
  });

  it('is good once, ends every session, and its token is in the mail alone', async () => {
    await request(person.email);
    const token = await mailedToken(person.email);
    expect(token).toMatch(/^lkr_/);
    const password = 'a new long password';
    const short = await confirm(here, token, 'short');
    expect(short.status).toBe(400);
    const both = await Promise.all([
      confirm(here, token, password),
      confirm(there, token, password),
    ]);
    expect(both.map(({ status }) => status).toSorted()).toEqual([200, 401]);
    // Either of them may have been the first.
    for (const app of [here, there]) await eventually(app, isOver);
    expect((await logIn(there, person.email)).status).toBe(401);
    expect((await logIn(there, person.email, password)).status).toBe(200);
    const again = await confirm(here, token, password);
    expect([again.status, codeOf(again)]).toEqual([401, 'invalid_credentials']);
    await expectNowhere([token, password, PASSWORD, person.token, person.csrfToken]);
  });

  it('is not good after an hour', async () => {
    await request(person.email);
    const token = await mailedToken(person.email);
    await runSql(here, `UPDATE password_resets SET expires_at = now() - interval '1 s'`);
    expect((await confirm(here, token, 'a new long password')).status).toBe(401);
    expect((await me(here)).status).toBe(200);
  });

  it('is mailed three times an hour at most, and never to somebody who is suspended', async () => {
    const suspended = await signUp(here);
    await runSql(here, `UPDATE users SET status = 'suspended' WHERE id = $1`, [suspended.id]);
    expect((await request(suspended.email)).status).toBe(200);
    const count = (email: string): number =>
      mailServer.mails.filter((one) => one.includes(`To: ${email}`)).length;
    for (let times = 1; times <= 5; times++) {
      expect((await request(person.email)).status).toBe(200);
      const expected = Math.min(times, 3);
      await vi.waitFor(() => expect(count(person.email)).toBe(expected), { timeout: 10_000 });
      // The job must be gone, or the next one is taken for the same.
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(count(person.email)).toBe(3);
    expect(count(suspended.email)).toBe(0);
  });
});

/** In no line of the log, and in no column of any table, the queue’s included. */
async function expectNowhere(secrets: readonly string[]): Promise<void> {
  const forms = secrets.flatMap((secret) => spellings(secret));
  const isIn = (text: string): boolean => forms.some((form) => text.includes(form));
  expect(logged.length).toBeGreaterThan(20);
  expect(logged.filter(isIn)).toEqual([]);
  const dump = await dumpDatabase(here.databaseUrl);
  expect(dump.map(({ table }) => table)).toEqual(expect.arrayContaining(['sessions', 'users']));
  expect(dump.flatMap(({ table, rows }) => rows.filter(isIn).map((row) => [table, row]))).toEqual(
    [],
  );
}
