import pg from 'pg';
import { afterAll, beforeEach, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';

import { loadEnv } from '#platform/config/env.js';

import { NOTIFICATION_TYPES } from '../../../src/modules/notifications/notifier.port.js';
import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { blocksOf, isInstalled, runProgram } from '../../support/doc-blocks.js';

const PATH = '/v1/notification-emails';
let app: TestApp;
let client: pg.Client;
beforeAll(async () => {
  app = await startTestApp();
  client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await app.close();
});
beforeEach(async () => {
  await client.query('DELETE FROM notification_channels');
});

const add = (body: unknown, key?: string): Promise<Answer> =>
  app.call('POST', PATH, { body, ...(key !== undefined && { key }) });
const list = async (query = ''): Promise<{ data: { id: string; email: string }[] }> =>
  (await app.call('GET', PATH + query)).body as { data: { id: string; email: string }[] };

describe('POST /v1/notification-emails', () => {
  it('201: is stored as a channel of the whole organization', async () => {
    const made = await add({ email: 'ops@example.com', events: ['key.expired', 'key.created'] });
    expect([made.status, made.body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^ch_/) as string,
        email: 'ops@example.com',
        events: ['key.expired', 'key.created'],
        description: null,
        team_id: null,
        created_at: expect.stringMatching(/^20.*Z$/) as string,
      },
    ]);
    const { rows } = await client.query<object>(
      'SELECT key_id, kind, address, events, status, sealed_secret FROM notification_channels',
    );
    expect(rows).toEqual([
      {
        key_id: null,
        kind: 'email',
        address: 'ops@example.com',
        events: ['key.expired', 'key.created'],
        status: 'active',
        sealed_secret: null,
      },
    ]);
  });

  it('201: everything, which makes what is named besides superfluous', async () => {
    const made = await add({
      email: 'a@b.example',
      events: ['key.created', '*'],
      description: 'x',
    });
    expect(made.body).toMatchObject({ events: ['*'], description: 'x' });
    const all = await add({ email: 'c@b.example', events: NOTIFICATION_TYPES });
    expect(all.status).toBe(201);
  });

  const events = ['*'];
  it.each([
    [{ events }, 'email'],
    [{ email: 'ops', events }, 'email'],
    [{ email: 'a@b', events }, 'email'],
    [{ email: 'Ops <a@b.example>', events }, 'email'],
    [{ email: 'a@b.example, c@d.example', events }, 'email'],
    [{ email: 'a@b.example\r\nBcc: c@d.example', events }, 'email'],
    [{ email: 'a@b.example\u0000', events }, 'email'],
    [{ email: 'ä@b.example', events }, 'email'],
    [{ email: '"a b"@b.example', events }, 'email'],
    [{ email: `a@${'b'.repeat(260)}.example`, events }, 'email'],
    [{ email: ['a@b.example'], events }, 'email'],
    [{ email: 'a@b.example' }, 'events'],
    [{ email: 'a@b.example', events: [] }, 'events'],
    [{ email: 'a@b.example', events: ['key.gone'] }, 'events'],
    [{ email: 'a@b.example', events: ['*', '*'] }, 'events'],
    [{ email: 'a@b.example', events, description: 'x'.repeat(201) }, 'description'],
    [{ email: 'a@b.example', events, key_id: 'key_1' }, 'key_id'],
  ])('400: %j', async (body, param) => {
    const answer = await add(body);
    expect([answer.status, answer.body]).toMatchObject([400, { error: { param } }]);
    expect((await list()).data).toEqual([]);
  });

  it('409: an address that is there already, also for one of several at once', async () => {
    const answers = await Promise.all(
      ['ops@example.com', 'ops@example.com', 'OPS@example.com'].map((email) =>
        add({ email, events }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('409: more than a hundred', async () => {
    const organization = (await app.call('GET', '/v1/key')).body as { organization_id: string };
    await client.query(
      `INSERT INTO notification_channels (id, organization_id, kind, address, events, created_at)
       SELECT 'ch_' || n, $1, 'email', n || '@example.com', '{*}', now() FROM generate_series(1, 99) AS n`,
      [organization.organization_id],
    );
    expect((await add({ email: 'a@b.example', events })).status).toBe(201);
    expect(codeOf(await add({ email: 'c@b.example', events }))).toBe('conflict');
  });

  it('403: a key without org:write', async () => {
    const key = await app.keyWith({ scopes: ['org:read'] });
    expect(codeOf(await add({ email: 'a@b.example', events }, key))).toBe('insufficient_scope');
  });
});

describe('GET /v1/notification-emails', () => {
  it('200: page by page, the newest first, without channels of keys and webhooks', async () => {
    for (const name of ['a', 'b', 'c']) await add({ email: `${name}@x.example`, events: ['*'] });
    await client.query(
      `INSERT INTO notification_channels (id, organization_id, key_id, kind, address, events, created_at)
       SELECT $1, organization_id, 'key_1', 'email', 'of-a-key@x.example', '{*}', now() FROM notification_channels LIMIT 1`,
      [newId('channel')],
    );
    await client.query(
      `INSERT INTO notification_channels (id, organization_id, kind, address, events, created_at)
       SELECT $1, organization_id, 'webhook', 'https://x.example', '{*}', now() FROM notification_channels LIMIT 1`,
      [newId('webhook')],
    );
    const first = await app.call('GET', `${PATH}?limit=2`);
    const { data, next_cursor: cursor } = first.body as {
      data: { email: string }[];
      next_cursor: string;
    };
    expect(data.map(({ email }) => email)).toEqual(['c@x.example', 'b@x.example']);
    expect(await list(`?cursor=${cursor}`)).toMatchObject({
      data: [{ email: 'a@x.example' }],
      has_more: false,
    });
  });

  it('403: a key without org:read', async () => {
    const key = await app.keyWith({ scopes: ['org:write'] });
    expect(codeOf(await app.call('GET', PATH, { key }))).toBe('insufficient_scope');
  });
});

describe('DELETE /v1/notification-emails/{id}', () => {
  it('200, and 404 from then on', async () => {
    const { id } = (await add({ email: 'a@b.example', events: ['*'] })).body as { id: string };
    const gone = await app.call('DELETE', `${PATH}/${id}`);
    expect([gone.status, gone.body]).toEqual([200, { id, deleted: true }]);
    expect((await list()).data).toEqual([]);
    expect(codeOf(await app.call('DELETE', `${PATH}/${id}`))).toBe('not_found');
  });
});

describe('docs/notifications.md', () => {
  const [settings = '', command = ''] = blocksOf('docs/notifications.md', 'sh');

  it('has settings that are read as they stand', async () => {
    const print = 'printf "%s\\n" "$LATCHKEY_SMTP_URL" "$LATCHKEY_MAIL_FROM"';
    const printed = await runProgram('sh', ['-c', `${settings}\n${print}`]);
    const [LATCHKEY_SMTP_URL = '', LATCHKEY_MAIL_FROM = ''] = printed.split('\n');
    const { mail } = loadEnv({ LATCHKEY_SMTP_URL, LATCHKEY_MAIL_FROM });
    expect(mail.from).toBe('Latchkey <latchkey@example.com>');
    const url = new URL(mail.smtpUrl?.reveal() ?? '');
    expect(decodeURIComponent(url.password)).toBe('pass word');
  });

  it.skipIf(!isInstalled('curl'))('has a command that works as it stands', async () => {
    const script = command.replace('http://127.0.0.1:3000', app.origin);
    const env = { LATCHKEY_KEY: app.masterKey };
    const made = JSON.parse(await runProgram('sh', ['-c', script], { env })) as unknown;
    expect(made).toMatchObject({ email: 'ops@example.com', description: 'On-call' });
    expect((await list()).data).toMatchObject([{ email: 'ops@example.com' }]);
  });
});
