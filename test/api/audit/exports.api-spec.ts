import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';
import {
  askForExport,
  entriesIn,
  type ExportBody,
  exportedBytes,
  finishedExport,
} from '../../support/exports.js';
import { queryDatabase } from '../../support/postgres.js';

let app: TestApp;
beforeAll(async () => (app = await startTestApp()));
afterAll(() => app.close());

const NDJSON = { format: 'ndjson' };

async function newKey(fields: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'exported', ...fields } });
  return made.body as { id: string; key: string };
}

async function actionsOn(id: string): Promise<string[]> {
  const rows = await queryDatabase<{ action: string }>(
    app.databaseUrl,
    'SELECT action FROM audit_entries WHERE target_id = $1 ORDER BY position',
    [id],
  );
  return rows.map(({ action }) => action);
}

describe('an export', () => {
  it('has all entries of the organization, without what is about people unless that is asked for', async () => {
    const { id: keyId } = await newKey();
    const asked = await askForExport(app, NDJSON);
    expect(asked).toMatchObject({ state: 'queued', format: 'ndjson', download_url: null });
    const ready = await finishedExport(app, asked.id);
    const entries = entriesIn(await exportedBytes(app, ready));
    expect(ready.progress.entries_done).toBe(entries.length);
    expect(ready.progress.entries_total).toBe(entries.length);
    const created = entries.find(
      ({ action, key_id }) => action === 'key.created' && key_id === keyId,
    );
    expect(created).toMatchObject({ personal: null, salt: null, ip_address: null });
    expect(JSON.stringify(entries)).not.toContain('127.0.0.1');

    const withPii = await askForExport(app, { ...NDJSON, include_pii: true });
    const all = entriesIn(await exportedBytes(app, await finishedExport(app, withPii.id)));
    expect(all.find(({ id }) => id === created?.id)).toMatchObject({ ip_address: '127.0.0.1' });
  });

  it('of a key has that key’s entries alone', async () => {
    const [one, other] = [await newKey(), await newKey()];
    const path = `/v1/keys/${one.id}/audit/export`;
    const asked = await askForExport(app, NDJSON, { path });
    const entries = entriesIn(await exportedBytes(app, await finishedExport(app, asked.id)));
    expect(new Set(entries.map(({ key_id }) => key_id))).toEqual(new Set([one.id]));
    expect(other.id).not.toBe(one.id);
  });

  it('has the types and the time that were asked for alone', async () => {
    const { id } = await newKey();
    await app.call('POST', `/v1/keys/${id}/disable`, { body: {} });
    const path = `/v1/keys/${id}/audit/export`;
    const asked = await askForExport(app, { ...NDJSON, event_types: ['key_lifecycle'] }, { path });
    const entries = entriesIn(await exportedBytes(app, await finishedExport(app, asked.id)));
    expect(entries.map(({ action }) => action)).toEqual(['key.disabled']);
    const before = await askForExport(app, { ...NDJSON, period: 'last_quarter' }, { path });
    const none = await finishedExport(app, before.id);
    expect(none).toMatchObject({ state: 'ready', bytes: 0, progress: { entries_total: 0 } });
    expect(await exportedBytes(app, none)).toHaveLength(0);
  });

  it('is asked for once with one Idempotency-Key', async () => {
    const headers = { 'idempotency-key': 'quarterly-report' };
    const [first, second] = [
      await app.call('POST', '/v1/audit/export', { body: NDJSON, headers }),
      await app.call('POST', '/v1/audit/export', { body: NDJSON, headers }),
    ];
    expect(second.body).toEqual(first.body);
    await finishedExport(app, (first.body as ExportBody).id);
  });

  it('is written to the audit log with all that is done with it', async () => {
    const { id } = await askForExport(app, NDJSON);
    const ready = await finishedExport(app, id);
    await exportedBytes(app, ready);
    expect((await app.call('GET', `/v1/exports/${id}/download`)).status).toBe(200);
    expect((await app.call('DELETE', `/v1/exports/${id}`)).body).toMatchObject({
      state: 'expired',
      download_url: null,
    });
    expect(await actionsOn(id)).toEqual([
      'export.created',
      'export.completed',
      'export.downloaded',
      'export.downloaded',
      'export.deleted',
    ]);
  });
});

describe('a link', () => {
  it('is of one export, for one caller, and can’t be changed', async () => {
    const one = await finishedExport(app, (await askForExport(app, NDJSON)).id);
    const other = await finishedExport(app, (await askForExport(app, NDJSON)).id);
    const url = one.download_url ?? '';
    const wrong = [
      url.replace(one.id, other.id),
      url.replace(/expires=\d+/, 'expires=9999999999'),
      url.replace(/for=[^&]+/, `for=${(await newKey()).id}`),
      url.replace(/signature=./, (start) => (start.endsWith('A') ? 'signature=B' : 'signature=A')),
    ];
    for (const path of wrong) {
      expect(codeOf(await app.call('GET', path, { key: null }))).toBe('not_found');
    }
    expect((await app.call('GET', url, { key: null })).status).toBe(200);
  });

  it('has only the rights that whom it was made for has now', async () => {
    const { id, key } = await newKey({ access_level: 'management' });
    const asked = await askForExport(app, NDJSON, { key });
    const { download_url: url } = await finishedExport(app, asked.id, key);
    await app.call('DELETE', `/v1/keys/${id}`);
    expect(codeOf(await app.call('GET', url ?? '', { key: null }))).toBe('not_found');
  });
});

describe('an export that is refused', () => {
  it('is one of a key that is not there', async () => {
    const refused = await app.call('POST', '/v1/keys/key_none/audit/export', { body: NDJSON });
    expect(codeOf(refused)).toBe('not_found');
  });

  it.each([
    [{}, 'format'],
    [{ format: 'xml' }, 'format'],
    [{ ...NDJSON, period: 'last_week' }, 'period'],
    [{ ...NDJSON, period: 'last_7d', start_date: '2026-01-01' }, 'period'],
    [{ ...NDJSON, start_date: '2026-02-01', end_date: '2026-01-01' }, 'start_date'],
    [{ ...NDJSON, event_types: [] }, 'event_types'],
    [{ ...NDJSON, include_pii: 'yes' }, 'include_pii'],
  ])('is %j', async (body, param) => {
    const refused = await app.call('POST', '/v1/audit/export', { body });
    expect(refused.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });

  it('needs the scope', async () => {
    const { key } = await newKey({ access_level: 'full' });
    const refused = await app.call('POST', '/v1/audit/export', { body: NDJSON, key });
    expect(codeOf(refused)).toBe('insufficient_scope');
  });

  it('is the sixth that is not finished', async () => {
    const held = await queryDatabase<{ id: string }>(
      app.databaseUrl,
      `INSERT INTO exports (id, organization_id, requested_by, format, include_pii, period_from, period_to, state, created_at, updated_at)
       SELECT 'exp_held' || n, id, 'key_none', 'csv', false, now(), now(), 'queued', now(), now()
       FROM organizations, generate_series(1, 5) n RETURNING id`,
    );
    const refused = await app.call('POST', '/v1/audit/export', { body: NDJSON });
    expect(codeOf(refused)).toBe('concurrency_limit_exceeded');
    for (const { id } of held)
      expect((await app.call('DELETE', `/v1/exports/${id}`)).body).toMatchObject({
        state: 'cancelled',
      });
    await finishedExport(app, (await askForExport(app, NDJSON)).id);
  });
});
