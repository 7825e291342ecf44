/** How exports end otherwise than by being ready: cancelled, given up, expired, and by a store that fails. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import {
  askForExport,
  type ExportBody,
  exportedBytes,
  finishedExport,
} from '../support/exports.js';
import { queryDatabase } from '../support/postgres.js';
import { type S3Front, startS3Front } from '../support/s3-front.js';

const NDJSON = { format: 'ndjson' };
const WAIT = { timeout: 45_000, interval: 200 };

let s3: S3Front;
let app: TestApp;
beforeAll(async () => {
  s3 = await startS3Front();
  app = await startTestApp({ env: s3.env });
});
afterEach(() => (s3.fateOf = () => 'pass'));
afterAll(async () => {
  await app.close();
  await s3.close();
});

async function look(id: string): Promise<ExportBody> {
  return (await app.call('GET', `/v1/exports/${id}`)).body as ExportBody;
}

async function actionsOn(id: string): Promise<string[]> {
  const rows = await queryDatabase<{ action: string }>(
    app.databaseUrl,
    'SELECT action FROM audit_entries WHERE target_id = $1 ORDER BY position',
    [id],
  );
  return rows.map(({ action }) => action);
}

const objectsOf = async (id: string): Promise<string[]> =>
  (await s3.files()).filter((name) => name.includes(id));

/** One that the store keeps waiting, in the middle of being made. */
async function stalledExport(): Promise<string> {
  const reached = new Promise<void>((resolve) => {
    s3.fateOf = (method) => {
      if (method !== 'PUT') return 'pass';
      resolve();
      return 'stall';
    };
  });
  const { id } = await askForExport(app, NDJSON);
  await reached;
  expect((await look(id)).state).toBe('running');
  return id;
}

describe('a running export', () => {
  it('is cancelled at once, and once; its worker takes the next one within seconds', async () => {
    const id = await stalledExport();
    for (let time = 0; time < 2; time++) {
      const cancelled = await app.call('DELETE', `/v1/exports/${id}`);
      expect([cancelled.status, cancelled.body]).toMatchObject([200, { state: 'cancelled' }]);
    }
    s3.fateOf = () => 'pass';
    // A worker makes one at a time: the cancelled one is given up before the request to the store is answered.
    const next = await finishedExport(app, (await askForExport(app, NDJSON)).id);
    expect(next.state).toBe('ready');
    expect(await look(id)).toMatchObject({ state: 'cancelled', download_url: null });
    expect(await objectsOf(id)).toEqual([]);
    expect(await actionsOn(id)).toEqual(['export.created', 'export.cancelled']);
  });

  it('fails once whoever asked has lost the right to it', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: { name: 'demoted', access_level: 'management' },
    });
    const { id: keyId, key } = made.body as { id: string; key: string };
    const reached = new Promise<void>((resolve) => {
      s3.fateOf = (method) => {
        if (method === 'PUT') resolve();
        return method === 'PUT' ? 'stall' : 'pass';
      };
    });
    const { id } = await askForExport(app, NDJSON, { key });
    await reached;
    await app.call('DELETE', `/v1/keys/${keyId}`);
    await expect
      .poll(() => look(id), WAIT)
      .toMatchObject({
        state: 'failed',
        failure: 'Whoever asked for it may not have it any more.',
      });
    expect(await objectsOf(id)).toEqual([]);
  }, 60_000);
});

describe('a finished export', () => {
  it('that is deleted is expired, twice the same, and is not cancelled', async () => {
    const { id } = await finishedExport(app, (await askForExport(app, NDJSON)).id);
    for (let time = 0; time < 2; time++) {
      expect((await app.call('DELETE', `/v1/exports/${id}`)).body).toMatchObject({
        state: 'expired',
      });
    }
    expect(await actionsOn(id)).toEqual(['export.created', 'export.completed', 'export.deleted']);
    await expect.poll(() => objectsOf(id), WAIT).toEqual([]);
  }, 60_000);

  it('expires when its time is over: neither it nor a link to it can be had', async () => {
    const ready = await finishedExport(app, (await askForExport(app, NDJSON)).id);
    await exportedBytes(app, ready);
    await queryDatabase(
      app.databaseUrl,
      `UPDATE exports SET expires_at = now() - interval '1 minute' WHERE id = $1`,
      [ready.id],
    );
    const link = await app.call('GET', ready.download_url ?? '', { key: null });
    expect(link.status).toBe(409);
    expect((await app.call('GET', `/v1/exports/${ready.id}/download`)).status).toBe(409);
    await expect.poll(() => look(ready.id), WAIT).toMatchObject({ state: 'expired' });
    await expect.poll(() => objectsOf(ready.id), WAIT).toEqual([]);
    expect(await actionsOn(ready.id)).toContain('export.expired');
  }, 60_000);
});

describe('a store that fails', () => {
  it('is tried again, and there is one file in the end', async () => {
    let failures = 0;
    // More than the SDK's own three.
    s3.fateOf = (method) => (method === 'PUT' && failures++ < 4 ? 'fail' : 'pass');
    const { id } = await askForExport(app, NDJSON);
    await expect.poll(() => look(id), WAIT).toMatchObject({ state: 'ready' });
    expect(failures).toBeGreaterThan(4);
    const objects = await objectsOf(id);
    expect(objects.every((name) => name.includes(`${id}-2.ndjson`))).toBe(true);
    expect(await actionsOn(id)).toEqual(['export.created', 'export.completed']);
  }, 60_000);

  it('makes an export fail in the end, which says where to look', async () => {
    s3.fateOf = (method) => (method === 'PUT' ? 'fail' : 'pass');
    const { id } = await askForExport(app, NDJSON);
    await expect
      .poll(() => look(id), WAIT)
      .toMatchObject({
        state: 'failed',
        failure: 'It could not be written. Look into the log.',
      });
    expect(await objectsOf(id)).toEqual([]);
    expect(await actionsOn(id)).toEqual(['export.created', 'export.failed']);
  }, 60_000);
});
