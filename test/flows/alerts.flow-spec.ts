import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import { queryDatabase } from '../support/postgres.js';

/** To seal what was written and to look at it takes some seconds. */
const SOON = { timeout: 40_000, interval: 250 };

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ env: { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' } });
});
afterAll(() => app.close());

async function watchedKey(fields: Record<string, unknown>): Promise<{ id: string; key: string }> {
  const made = await app.call('POST', '/v1/keys', {
    body: {
      name: 'watched',
      ...fields,
      security: { audit: { alert_on_suspicious: true, log_failures: true } },
    },
  });
  return made.body as { id: string; key: string };
}

type Alert = { rule: string; action: string; [more: string]: unknown };

async function alertsOf(keyId: string): Promise<Alert[]> {
  const rows = await queryDatabase<{ details: Alert }>(
    app.databaseUrl,
    `SELECT details FROM audit_entries WHERE key_id = $1 AND action = 'alert.raised' ORDER BY position`,
    [keyId],
  );
  return rows.map(({ details }) => details);
}

async function toldOf(keyId: string): Promise<unknown[]> {
  const rows = await queryDatabase<{ data: unknown }>(
    app.databaseUrl,
    `SELECT data FROM notifications WHERE key_id = $1 AND type = 'security.suspicious_activity'`,
    [keyId],
  );
  return rows.map(({ data }) => data);
}

async function statusOf(keyId: string): Promise<unknown> {
  const { body } = await app.call('GET', `/v1/keys/${keyId}`);
  return (body as { status: unknown }).status;
}

async function wantSuspiciousKeys(action: 'notify' | 'disable'): Promise<void> {
  const { body } = await app.call('GET', '/v1/key');
  const { organization_id: id } = body as { organization_id: string };
  const changed = await app.call('PATCH', `/v1/organizations/${id}`, {
    body: { suspicious_keys: action },
  });
  expect(changed.body).toMatchObject({ suspicious_keys: action });
}

describe('a watched key', { timeout: 100_000 }, () => {
  it('that somebody has without its address is told of, once', async () => {
    const { id, key } = await watchedKey({ restrictions: { ip_whitelist: ['203.0.113.7'] } });
    const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello' }] };
    for (let time = 0; time < 25; time++) {
      await app.call('POST', '/v1/chat/completions', { key, body });
    }
    await expect.poll(() => alertsOf(id), SOON).toHaveLength(1);
    expect(await alertsOf(id)).toEqual([
      expect.objectContaining({ rule: 'failure_burst', code: 'ip_not_allowed', action: 'none' }),
    ]);
    expect(await toldOf(id)).toEqual([
      expect.objectContaining({ key_id: id, rule: 'failure_burst', action: 'none' }),
    ]);
    expect(await statusOf(id)).toBe('active');
  });

  it('that tries out ids is disabled, where its organization wants that', async () => {
    await wantSuspiciousKeys('disable');
    const { id, key } = await watchedKey({ access_level: 'management' });
    for (let number = 0; number < 20; number++) {
      const guess = `key_${String(number).padStart(22, '0')}`;
      expect((await app.call('GET', `/v1/keys/${guess}`, { key })).status).toBe(404);
    }
    await expect.poll(() => statusOf(id), SOON).toBe('disabled');
    expect(await alertsOf(id)).toEqual([
      expect.objectContaining({ rule: 'foreign_ids', count: 20, action: 'disabled' }),
    ]);
    await wantSuspiciousKeys('notify');
  });

  it('that is used on two continents within minutes is told of, once it has learned for a day', async () => {
    const { id, key } = await watchedKey({});
    const from = (address: string): Promise<unknown> =>
      app.call('GET', '/v1/key', { key, headers: { 'x-forwarded-for': address } });
    await from('8.8.8.8');
    const history = (): Promise<{ history: { firstUsedAt: number } }[]> =>
      queryDatabase(app.databaseUrl, 'SELECT history FROM watched_keys WHERE key_id = $1', [id]);
    await expect.poll(history, SOON).toHaveLength(1);
    // A day passes.
    await queryDatabase(
      app.databaseUrl,
      `UPDATE watched_keys
          SET history = jsonb_set(history, '{firstUsedAt}', to_jsonb((history->>'firstUsedAt')::bigint - 86400000))
        WHERE key_id = $1`,
      [id],
    );
    // Brazil, by the database that is shipped.
    await from('200.160.2.3');
    await expect.poll(() => alertsOf(id), SOON).toHaveLength(2);
    expect(await alertsOf(id)).toEqual([
      expect.objectContaining({ rule: 'new_country' }),
      expect.objectContaining({ rule: 'impossible_travel', from: 'US', to: 'BR' }),
    ]);
  });
});
