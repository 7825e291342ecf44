import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../support/app.js';
import {
  askForExport,
  entriesIn,
  type ExportBody,
  exportedBytes,
  finishedExport,
} from '../support/exports.js';
import { queryDatabase } from '../support/postgres.js';
import { type S3Server, startS3 } from '../support/s3.js';

const NDJSON = { format: 'ndjson' };

describe('exports in S3', () => {
  let s3: S3Server;
  let app: TestApp;
  let besides: TestApp;
  beforeAll(async () => {
    s3 = await startS3();
    app = await startTestApp({ env: s3.env });
    besides = await startTestApp({ besides: app, env: s3.env });
  });
  afterAll(async () => {
    await besides.close();
    await app.close();
    await s3.close();
  });

  it('are had from every instance, and are gone for good when they are over', async () => {
    const { id } = await askForExport(app, NDJSON);
    const ready = await finishedExport(besides, id);
    const [one, other] = [await exportedBytes(app, ready), await exportedBytes(besides, ready)];
    expect(one.equals(other)).toBe(true);
    expect(entriesIn(one)).toHaveLength(ready.progress.entries_done);
    expect((await s3.files()).some((name) => name.includes(id))).toBe(true);
    await app.call('DELETE', `/v1/exports/${id}`);
    await expect
      .poll(async () => (await s3.files()).some((name) => name.includes(id)), { timeout: 45_000 })
      .toBe(false);
  }, 60_000);
});

describe('exports in the data folder', () => {
  let app: TestApp;
  let besides: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ env: { LATCHKEY_ROLE: 'all' } });
    besides = await startTestApp({ besides: app, env: { LATCHKEY_ROLE: 'api' } });
  });
  afterAll(async () => {
    await besides.close();
    await app.close();
  });

  it('are had from the instance that has them, and another one says so', async () => {
    const { id } = await askForExport(besides, NDJSON);
    await finishedExport(besides, id);
    const elsewhere = await besides.call('GET', `/v1/exports/${id}/download`);
    expect(codeOf(elsewhere)).toBe('service_unavailable');
    expect(JSON.stringify(elsewhere.body)).toContain('LATCHKEY_S3_BUCKET');
    expect((await app.call('GET', `/v1/exports/${id}/download`)).status).toBe(200);
  });

  it('are warned of at start where another instance has some, or there must be one', async () => {
    const { id } = await askForExport(app, NDJSON);
    await finishedExport(app, id);
    const warnings: string[] = [];
    const logger = pino({ level: 'warn' }, { write: (line) => void warnings.push(line) });
    for (const role of ['all', 'worker']) {
      warnings.length = 0;
      const env = { LATCHKEY_ROLE: role };
      const another = await startTestApp({ besides: app, env, logger });
      await another.close();
      expect(warnings.filter((line) => line.includes('LATCHKEY_S3_BUCKET'))).toHaveLength(1);
    }
  });

  it('fail for who has lost the right while they were queued', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: { name: 'demoted', access_level: 'management' },
    });
    const { id: keyId } = made.body as { id: string };
    await queryDatabase(
      app.databaseUrl,
      `INSERT INTO exports (id, organization_id, requested_by, format, include_pii, period_from, period_to, state, created_at, updated_at)
       SELECT 'exp_demoted', organization_id, id, 'csv', false, '2026-01-01', now(), 'queued', now(), now() - interval '1 hour'
       FROM api_keys WHERE id = $1`,
      [keyId],
    );
    await app.call('DELETE', `/v1/keys/${keyId}`);
    await expect
      .poll(async () => (await app.call('GET', '/v1/exports/exp_demoted')).body as ExportBody, {
        timeout: 45_000,
      })
      .toMatchObject({ state: 'failed', failure: expect.stringContaining('may not') as string });
  }, 60_000);
});
