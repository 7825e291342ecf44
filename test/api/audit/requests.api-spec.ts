import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { queryDatabase } from '../../support/postgres.js';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.close());

type Row = {
  action: string;
  event_type: string;
  outcome: string;
  request_id: string | null;
  key_id: string | null;
  organization_id: string;
  target_id: string;
  details: Record<string, unknown>;
  personal: Record<string, unknown>;
};

/** Of requests, once there are as many: they are shipped within a second. */
async function entriesOf(keyId: string, count: number): Promise<Row[]> {
  let rows: Row[] = [];
  await expect
    .poll(
      async () => {
        rows = await queryDatabase<Row>(
          app.databaseUrl,
          `SELECT * FROM audit_entries WHERE key_id = $1 AND event_type IN ('usage', 'security_alert') ORDER BY occurred_at, position`,
          [keyId],
        );
        return rows.length;
      },
      { timeout: 10_000, interval: 100 },
    )
    .toBe(count);
  return rows;
}

async function newKey(fields: Record<string, unknown>): Promise<{ id: string; key: string }> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'audited', ...fields } });
  expect(made.status).toBe(201);
  return made.body as { id: string; key: string };
}

function complete(
  key: string,
  model = 'sandbox/echo',
): Promise<{ status: number; headers: Headers }> {
  const body = { model, messages: [{ role: 'user', content: 'Do you keep this?' }] };
  return app.call('POST', '/v1/chat/completions', { key, body });
}

describe('a key with log_all_requests', () => {
  it('leaves an entry of each call, served or refused, and of what it does with the API', async () => {
    const { id, key } = await newKey({
      permissions: { models: ['sandbox/echo'] },
      security: { audit: { log_all_requests: true } },
    });
    const served = await complete(key);
    await complete(key, 'gpt-4o');
    await app.call('GET', '/v1/key', { key });
    const [first, second, third] = await entriesOf(id, 3);
    expect(first).toMatchObject({
      action: 'request.served',
      event_type: 'usage',
      outcome: 'success',
      request_id: served.headers.get('x-request-id'),
      details: { operation: 'chat.completions', model: 'sandbox/echo', status: 200 },
      personal: { ip_address: '127.0.0.1' },
    });
    expect(JSON.stringify(first)).not.toContain('Do you keep this?');
    expect(second).toMatchObject({
      action: 'request.refused',
      outcome: 'denied',
      details: { code: 'model_not_allowed', status: 403, path: '/v1/chat/completions' },
    });
    expect(third).toMatchObject({ action: 'request.served', details: { path: '/v1/key' } });
  });
});

describe('a key with log_failures', () => {
  it('leaves an entry of what fails alone', async () => {
    const { id, key } = await newKey({
      permissions: { models: ['sandbox/echo'] },
      security: { audit: { log_failures: true } },
    });
    await complete(key);
    await complete(key, 'gpt-4o');
    const [only] = await entriesOf(id, 1);
    expect(only).toMatchObject({ action: 'request.refused' });
  });
});

describe('what may be an attack', () => {
  it('is written of every key, the first at once', async () => {
    const { id, key } = await newKey({ restrictions: { ip_whitelist: ['203.0.113.7'] } });
    for (let time = 0; time < 5; time++) expect((await complete(key)).status).toBe(403);
    const [only] = await entriesOf(id, 1);
    expect(only).toMatchObject({
      action: 'access.denied',
      event_type: 'security_alert',
      outcome: 'denied',
      details: { code: 'ip_not_allowed' },
    });
  });

  it('is written of people and keys that want more than they may', async () => {
    const { id, key } = await newKey({ access_level: 'management', expires_at: '2099-01-01' });
    const asked = await app.call('POST', '/v1/keys', {
      key,
      body: { name: 'more', access_level: 'master' },
    });
    expect(asked.status).toBe(403);
    const [only] = await entriesOf(id, 1);
    expect(only).toMatchObject({ action: 'access.denied', details: { code: 'escalation_denied' } });
  });

  it('is written of somebody whom nobody knows, without the key that was guessed', async () => {
    const guessed = app.masterKey.replace(/.{6}$/, 'AAAAAA');
    expect((await complete(guessed)).status).toBe(401);
    const find = (): Promise<Row[]> =>
      queryDatabase<Row>(
        app.databaseUrl,
        `SELECT * FROM audit_entries WHERE action = 'authentication.failed'`,
      );
    await expect.poll(find, { timeout: 10_000 }).toHaveLength(1);
    const [entry] = await find();
    expect(entry).toMatchObject({ organization_id: 'installation', key_id: null });
    expect(JSON.stringify(entry)).not.toContain(guessed);
  });
});

describe('a refused call with a secret in its path', () => {
  it('leaves an entry without it', async () => {
    const { id, key } = await newKey({ access_level: 'inference' });
    expect((await app.call('GET', `/v1/keys/${app.masterKey}`, { key })).status).toBe(403);
    const [only] = await entriesOf(id, 1);
    expect(only).toMatchObject({
      action: 'access.denied',
      target_id: '/v1/keys/[redacted]',
      details: { code: 'insufficient_scope' },
    });
    expect(JSON.stringify(only)).not.toContain(app.masterKey.slice(-32));
  });
});

describe('a key with alert_on_suspicious', () => {
  it('leaves an entry of each address that uses it', async () => {
    const { id, key } = await newKey({ security: { audit: { alert_on_suspicious: true } } });
    await complete(key);
    await complete(key);
    const [only] = await entriesOf(id, 1);
    expect(only).toMatchObject({ action: 'key.used', personal: { ip_address: '127.0.0.1' } });
  });
});
