import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { queryDatabase } from '../../support/postgres.js';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.close());

type Row = Record<string, unknown>;

async function entriesOf(keyId: string): Promise<Row[]> {
  return queryDatabase<Row>(
    app.databaseUrl,
    'SELECT * FROM audit_entries WHERE key_id = $1 ORDER BY position',
    [keyId],
  );
}

describe('what is written of a key', () => {
  it('says who did what to it, from where, and what is different now', async () => {
    const headers = { 'user-agent': 'ops/1.0' };
    const made = await app.call('POST', '/v1/keys', { body: { name: 'billing' }, headers });
    const { id } = made.body as { id: string };
    await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'invoices' }, headers });
    await app.call('POST', `/v1/keys/${id}/disable`, { body: { reason: 'on holiday' }, headers });
    await app.call('DELETE', `/v1/keys/${id}`, { body: { reason: 'gone for good' }, headers });
    const [created, updated, disabled, revoked] = await entriesOf(id);
    expect(created).toMatchObject({
      action: 'key.created',
      event_type: 'permission_change',
      outcome: 'success',
      actor_type: 'key',
      request_id: made.headers.get('x-request-id'),
      target_type: 'key',
      target_id: id,
      before: null,
      after: { name: 'billing', version: 1 },
      personal: { ip_address: '127.0.0.1', user_agent: 'ops/1.0' },
    });
    expect(updated).toMatchObject({
      action: 'key.updated',
      before: { name: 'billing', version: 1 },
      after: { name: 'invoices', version: 2 },
    });
    expect(disabled).toMatchObject({ action: 'key.disabled', reason: 'on holiday' });
    expect(revoked).toMatchObject({ action: 'key.revoked', reason: 'gone for good' });
  });

  it('is no entry where nothing is changed', async () => {
    const made = await app.call('POST', '/v1/keys', { body: { name: 'still' } });
    const { id } = made.body as { id: string };
    await app.call('PATCH', `/v1/keys/${id}`, { body: {} });
    await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'x'.repeat(10_000) } });
    expect(await entriesOf(id)).toHaveLength(1);
  });
});

describe('a change that can’t be written down', () => {
  it('does not happen', async () => {
    const made = await app.call('POST', '/v1/keys', { body: { name: 'kept' } });
    const { id } = made.body as { id: string };
    await queryDatabase(
      app.databaseUrl,
      'ALTER TABLE audit_entries ADD CONSTRAINT full_disk CHECK (false) NOT VALID',
    );
    try {
      const refused = await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'lost' } });
      expect(refused.status).toBe(500);
    } finally {
      await queryDatabase(app.databaseUrl, 'ALTER TABLE audit_entries DROP CONSTRAINT full_disk');
    }
    expect((await app.call('GET', `/v1/keys/${id}`)).body).toMatchObject({ name: 'kept' });
  });
});
