import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';
import {
  callAs,
  fromElsewhere,
  logIn,
  OPEN_TO_PEOPLE,
  PASSWORD,
  type Person,
  personOf,
  runSql,
  signUp,
} from '../../support/people.js';

let app: TestApp;
let person: Person;
beforeAll(async () => {
  app = await startTestApp({ env: OPEN_TO_PEOPLE });
  person = await signUp(app);
});
afterAll(() => app.close());

/** As a browser sends it, with the cookie. */
function browse(
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: unknown,
) {
  const cookie = `theme=dark; ${person.sessionCookie}; lang=en`;
  return app.call(method, path, { key: null, headers: { cookie, ...headers }, body });
}

describe('a session’s token', () => {
  it('is worth what the role is', async () => {
    const made = await callAs(app, person, ['POST', '/v1/keys'], { body: { name: 'mine' } });
    expect(made.status).toBe(201);
    const { key, id } = made.body as { key: string; id: string };
    const policy = await callAs(app, person, ['GET', `/v1/keys/${id}/policy`]);
    expect(policy.body).toMatchObject({ created_by: person.id });
    const chat = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
    const called = await app.call('POST', '/v1/chat/completions', { key, body: chat });
    expect(called.status).toBe(200);
    const foreign = await signUp(app);
    expect((await callAs(app, foreign, ['GET', `/v1/keys/${id}`])).status).toBe(404);
    await runSql(app, `UPDATE organization_members SET role = 'viewer' WHERE user_id = $1`, [
      foreign.id,
    ]);
    const viewer = personOf(await logIn(app, foreign.email));
    const refused = await callAs(app, viewer, ['POST', '/v1/keys'], { body: { name: 'no' } });
    expect([refused.status, codeOf(refused)]).toEqual([403, 'insufficient_scope']);
    expect(refused.body).toMatchObject({
      error: { message: 'Your role viewer lacks the scope keys:write.' },
    });
  });

  it('makes a key that outlives it, and no master key', async () => {
    const made = await callAs(app, person, ['POST', '/v1/keys'], { body: { name: 'mine' } });
    expect(made.body).toMatchObject({ expires_at: null });
    const body = { name: 'no', access_level: 'master' };
    const master = await callAs(app, person, ['POST', '/v1/keys'], { body });
    expect(codeOf(master)).toBe('escalation_denied');
  });

  it('makes one thing of an Idempotency-Key, as a key does', async () => {
    const call = { body: { name: 'once' }, headers: { 'idempotency-key': 'people' } };
    const first = await callAs(app, person, ['POST', '/v1/keys'], call);
    const again = await callAs(app, person, ['POST', '/v1/keys'], call);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
  });

  it.each([
    ['POST', '/v1/chat/completions', {}],
    ['POST', '/v1/chat/completions?x=1', {}],
    ['POST', '/v1/embeddings', { 'content-type': 'application/json; charset=utf-8' }],
    ['GET', '/v1/key', {}],
    ['POST', '/v1/key/claim', {}],
  ])('is told that %s %s is for keys', async (method, path, headers) => {
    const body = method === 'GET' ? undefined : { model: 'sandbox/echo', messages: [] };
    const answer = await callAs(app, person, [method, path], { body, headers });
    expect([answer.status, codeOf(answer)]).toEqual([403, 'operation_not_allowed']);
    expect(JSON.stringify(answer.body)).toContain('key');
  });

  it.each([
    ['unknown', `lks_${'a'.repeat(43)}`, 'invalid_credentials'],
    ['too short', `lks_${'a'.repeat(42)}`, 'invalid_api_key'],
    ['too long', `lks_${'a'.repeat(44)}`, 'invalid_api_key'],
  ])('that is %s is a 401', async (_, token, code) => {
    const answer = await callAs(app, { token }, ['GET', '/v1/keys'], { headers: fromElsewhere() });
    expect([answer.status, codeOf(answer)]).toEqual([401, code]);
  });

  it('ends after 24 hours without a call, and after seven days in any case', async () => {
    for (const column of ['last_used_at', 'expires_at']) {
      const { token } = personOf(await logIn(app, person.email));
      const move = `UPDATE sessions SET ${column} = now() - $1::interval WHERE token_hash = sha256($2)`;
      const nearly = column === 'last_used_at' ? '23 hours 59 minutes' : '-1 minute';
      await runSql(app, move, [nearly, token]);
      expect((await callAs(app, { token }, ['GET', '/v1/auth/me'])).status).toBe(200);
      const other = personOf(await logIn(app, person.email)).token;
      const over = column === 'last_used_at' ? '24 hours' : '0 minutes';
      await runSql(app, move, [over, other]);
      const answer = await callAs(app, { token: other }, ['GET', '/v1/auth/me']);
      expect([column, answer.status, codeOf(answer)]).toEqual([column, 401, 'invalid_credentials']);
    }
  });

  it('listens to a key’s usage, also by a ticket of its own', async () => {
    const made = await callAs(app, person, ['POST', '/v1/keys'], { body: { name: 'watched' } });
    const { id } = made.body as { id: string };
    const ticketed = await callAs(app, person, ['POST', `/v1/keys/${id}/usage/tickets`]);
    expect(ticketed.status).toBe(201);
    const { ticket } = ticketed.body as { ticket: string };
    const url = `${app.origin.replace('http', 'ws')}/v1/keys/${id}/usage/stream?ticket=${ticket}`;
    const socket = new WebSocket(url);
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    const [first] = await new Promise<[Buffer]>((resolve, reject) => {
      socket.once('message', (data: Buffer) => resolve([data])).once('error', reject);
    });
    expect(JSON.parse(first.toString())).toMatchObject({ type: 'heartbeat' });
    // It stays open for longer than it takes to look whether its caller is still let in.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(socket.readyState).toBe(WebSocket.OPEN);
    await callAs(app, person, ['POST', '/v1/auth/logout']);
    const code = await closed;
    expect(code).toBeGreaterThanOrEqual(4_000);
    person = personOf(await logIn(app, person.email));
  });
});

describe('the cookie', () => {
  it('is enough to read', async () => {
    for (const method of ['GET', 'HEAD']) {
      expect((await browse(method, '/v1/auth/me')).status).toBe(200);
    }
  });

  const OURS = 'ours';
  type Row = [what: string, headers: Record<string, string>, status: number];
  const rows: Row[] = [
    ['no token', {}, 403],
    ['an empty token', { 'x-csrf-token': '' }, 403],
    ['another token', { 'x-csrf-token': 'A'.repeat(43) }, 403],
    ['its token', { 'x-csrf-token': OURS }, 201],
    ['its token, from our page', { 'x-csrf-token': OURS, origin: OURS }, 201],
    ['its token, from our page over TLS', { 'x-csrf-token': OURS, origin: 'tls' }, 201],
    ['its token, from another page', { 'x-csrf-token': OURS, origin: 'https://evil.example' }, 403],
    ['its token, from no page at all', { 'x-csrf-token': OURS, origin: 'null' }, 403],
    ['no token, from our page', { origin: OURS }, 403],
  ];
  it.each(rows)('with %s', async (_, template, status) => {
    const { csrfToken } = person;
    const origins: Record<string, string> = {
      [OURS]: app.origin,
      tls: app.origin.replace('http:', 'https:'),
    };
    const { 'x-csrf-token': sent, origin } = template;
    const headers = {
      ...(sent !== undefined && { 'x-csrf-token': sent === OURS ? csrfToken : sent }),
      ...(origin !== undefined && { origin: origins[origin] ?? origin }),
    };
    const answer = await browse('POST', '/v1/keys', headers, { name: 'by cookie' });
    expect(answer.status).toBe(status);
    if (status === 403) expect(codeOf(answer)).toBe('operation_not_allowed');
  });

  it('needs the token for every method that changes something, before anything is looked at', async () => {
    for (const [method, path] of [
      ['PATCH', '/v1/keys/key_x'],
      ['DELETE', '/v1/keys/key_x'],
      ['PUT', '/v1/budgets'],
      ['POST', '/v1/auth/logout'],
      ['POST', '/v1/auth/password'],
    ] as const) {
      const answer = await browse(method, path, {}, {});
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 403, 'operation_not_allowed']);
    }
    expect((await browse('GET', '/v1/auth/me')).status).toBe(200);
  });

  it('does not open a WebSocket', async () => {
    const url = `${app.origin.replace('http', 'ws')}/v1/keys/key_x/usage/stream`;
    const socket = new WebSocket(url, { headers: { cookie: person.sessionCookie } });
    const status = await new Promise((resolve) => {
      socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode));
      socket.once('error', () => undefined);
    });
    expect(status).toBe(403);
    socket.terminate();
  });

  it('does not count beside an Authorization header, nor twice, nor on the way of calls', async () => {
    const { sessionCookie, token } = person;
    const wrong = { authorization: `Bearer lks_${'a'.repeat(43)}`, ...fromElsewhere() };
    expect((await browse('GET', '/v1/keys', wrong)).status).toBe(401);
    const twice = { cookie: `${sessionCookie}; ${sessionCookie}`, ...fromElsewhere() };
    expect(codeOf(await app.call('GET', '/v1/keys', { key: null, headers: twice }))).toBe(
      'missing_api_key',
    );
    const other = { cookie: `xlatchkey_session=${token}`, ...fromElsewhere() };
    expect(codeOf(await app.call('GET', '/v1/keys', { key: null, headers: other }))).toBe(
      'missing_api_key',
    );
    const chat = { model: 'sandbox/echo', messages: [] };
    const headers = { 'x-csrf-token': person.csrfToken, ...fromElsewhere() };
    const called = await browse('POST', '/v1/chat/completions', headers, chat);
    expect(codeOf(called)).toBe('missing_api_key');
  });
});

describe('ten failed logins of an account', () => {
  it('keep everybody out of it, from wherever, and end no session', async () => {
    const victim = await signUp(app);
    const other = await startTestApp({ besides: app });
    try {
      const guesses: Answer[] = [];
      for (let guess = 0; guess < 10; guess++) {
        guesses.push(await logIn(guess % 2 ? app : other, victim.email, `guess ${guess}`));
      }
      expect(guesses.map(({ status }) => status)).toEqual(Array(10).fill(401));
      for (const instance of [app, other]) {
        const right = await logIn(instance, victim.email.toUpperCase());
        expect([right.status, codeOf(right)]).toEqual([429, 'rate_limit_exceeded']);
        const seconds = Number(right.headers.get('retry-after'));
        expect(seconds).toBeGreaterThan(800);
        expect(seconds).toBeLessThanOrEqual(900);
        expect((await callAs(instance, victim, ['GET', '/v1/auth/me'])).status).toBe(200);
      }
      expect((await logIn(app, person.email)).status).toBe(200);
    } finally {
      await other.close();
    }
  });

  it('are ten also when they all come at once, and of an account that is not there', async () => {
    const email = 'nobody-at-all@example.com';
    const all = await Promise.all(Array.from({ length: 25 }, () => logIn(app, email, 'guess')));
    const statuses = all.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(15).fill(429)]);
  });

  it('are not made of logins that are right', async () => {
    const { email } = await signUp(app);
    for (let round = 0; round < 12; round++) expect((await logIn(app, email)).status).toBe(200);
    expect((await logIn(app, email, 'one mistake')).status).toBe(401);
    expect((await logIn(app, email)).status).toBe(200);
  });

  it('are counted by address too', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    const guess = (n: number): Promise<Answer> =>
      logIn(app, `spray${n}@example.com`, PASSWORD, headers);
    const statuses: number[] = [];
    for (let n = 0; n < 61; n++) statuses.push((await guess(n)).status);
    expect(statuses).toEqual([...Array<number>(60).fill(401), 429]);
    // Also the right password is not looked at then.
    expect((await logIn(app, person.email, PASSWORD, headers)).status).toBe(429);
    expect((await logIn(app, person.email)).status).toBe(200);
  });
});

describe('docs/accounts.md', () => {
  it.skipIf(!isInstalled('curl'))('has commands that work as they stand', async () => {
    const commands = blocksOf('docs/accounts.md', 'sh');
    const run = async (part: string, env: Record<string, string> = {}): Promise<never> => {
      const block = commands.find((one) => one.includes(part)) ?? '';
      const script = block.replace('http://127.0.0.1:3000', app.origin);
      return JSON.parse(await runProgram('sh', ['-e', '-u', '-c', script], { env })) as never;
    };
    const { token: first } = (await run('/signup')) as { token: string };
    const { token } = (await run('/login')) as { token: string };
    expect(token).not.toBe(first);
    const env = { LATCHKEY_SESSION: token };
    expect(await run('/auth/me', env)).toMatchObject({ organization: { name: 'Engines' } });
    expect(await run('/v1/keys', env)).toMatchObject({ name: 'backend' });
    expect(await run('/auth/password ', env)).toEqual({ changed: true });
    expect(await run('/auth/password-reset ')).toEqual({ requested: true });
    expect(await run('/auth/logout', env)).toEqual({ logged_out: true });
    const token_hash = 'sha256($1::bytea)';
    const reset = `lkr_${'r'.repeat(43)}`;
    await runSql(
      app,
      `INSERT INTO password_resets SELECT ${token_hash}, id, now(), now() + interval '1 hour'
         FROM users WHERE email = 'ada@example.com'`,
      [reset],
    );
    expect(await run('/confirm', { LATCHKEY_RESET: reset })).toEqual({ changed: true });
    expect((await logIn(app, 'ada@example.com', 'a third long password')).status).toBe(200);
    expect(commands).toHaveLength(8);
  });
});
