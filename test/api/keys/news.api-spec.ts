import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';

type Told = { readonly type: string; readonly data: Record<string, unknown> };

let app: TestApp;
let client: pg.Client;
let master: string;
beforeAll(async () => {
  app = await startTestApp();
  client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  master = ((await app.call('GET', '/v1/key')).body as { id: string }).id;
});
afterAll(async () => {
  await client.end();
  await app.close();
});

async function make(fields: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'mine', ...fields } });
  expect(made.status).toBe(201);
  return made.body as { id: string; key: string };
}

/** What was told of a key after it was made. */
async function told(id: string): Promise<Told[]> {
  const { rows } = await client.query<Told>(
    'SELECT type, data FROM notifications WHERE key_id = $1 ORDER BY occurred_at, id',
    [id],
  );
  expect(rows.shift()?.type).toBe('key.created');
  return rows;
}

it('a key that is made is told of, without its secret', async () => {
  const { id, key } = await make({ environment: 'staging', expires_at: '2099-01-01T00:00:00Z' });
  const { rows } = await client.query<Told>(
    'SELECT type, data FROM notifications WHERE key_id = $1',
    [id],
  );
  expect(rows).toEqual([
    {
      type: 'key.created',
      data: {
        key_id: id,
        name: 'mine',
        environment: 'staging',
        by: master,
        at: expect.stringMatching(/^20.*Z$/) as string,
        expires_at: '2099-01-01T00:00:00.000Z',
      },
    },
  ]);
  expect(JSON.stringify(rows)).not.toContain(key.slice(-20));
});

it('a key that is disabled and enabled is told of, once each', async () => {
  const { id } = await make();
  const body = { reason: 'Odd calls', auto_enable_after: '1h' };
  for (let turn = 0; turn < 2; turn++) await app.call('POST', `/v1/keys/${id}/disable`, { body });
  for (let turn = 0; turn < 2; turn++) await app.call('POST', `/v1/keys/${id}/enable`);
  await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'yours' } });
  expect(await told(id)).toMatchObject([
    {
      type: 'key.disabled',
      data: { reason: 'Odd calls', by: master, enable_at: expect.stringMatching(/Z$/) as string },
    },
    { type: 'key.enabled', data: { by: master } },
  ]);
});

it('a key that is revoked is told of, once, by whatever API', async () => {
  const { id } = await make({ name: 'by-name' });
  const body = { name: 'by-name' };
  expect((await app.call('DELETE', '/manage/api-keys', { body })).status).toBe(200);
  await app.call('DELETE', `/v1/keys/${id}`);
  expect(await told(id)).toMatchObject([{ type: 'key.revoked', data: { by: master } }]);
});

it('a revocation to come is not told of before it has come', async () => {
  const { id } = await make();
  const body = { revoke_immediately: false, revoke_after: '1h', reason: 'Over' };
  expect((await app.call('DELETE', `/v1/keys/${id}`, { body })).status).toBe(200);
  expect(await told(id)).toEqual([]);
});

it('a change that is refused is not told of', async () => {
  const { id } = await make();
  const admin = await app.keyWith({ scopes: ['keys:write'] });
  const masters = await app.call('POST', `/v1/keys/${master}/disable`, { key: admin });
  expect(codeOf(masters)).toBe('escalation_denied');
  await app.call('DELETE', `/v1/keys/${id}`, { body: { revoke_at: 'never' } });
  expect([await told(id), await told(master)]).toEqual([[], []]);
});

it('a secret that somebody has written into a reason is told to nobody', async () => {
  const { id, key } = await make();
  await app.call('POST', `/v1/keys/${id}/disable`, { body: { reason: `Found ${key}` } });
  expect(await told(id)).toMatchObject([{ data: { reason: 'Found [redacted]' } }]);
});
