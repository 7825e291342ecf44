import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { loadEnv } from '#platform/config/env.js';
import { S3ObjectStore } from '#platform/object-store/s3.object-store.js';

import { startTestApp, type TestApp } from '../support/app.js';
import { type S3Front, startS3Front } from '../support/s3-front.js';

const PUBLISHED =
  /^latchkey_audit_checkpoints_published_total\{sink="s3",outcome="(\w+)"\} (\d+)$/gm;

let s3: S3Front;
let app: TestApp;
beforeAll(async () => {
  s3 = await startS3Front();
  app = await startTestApp({
    env: { ...s3.env, LATCHKEY_AUDIT_CHECKPOINT_S3_PREFIX: 'checkpoints' },
  });
});
afterAll(async () => {
  await app.close();
  await s3.close();
});

async function published(): Promise<Record<string, number>> {
  const { body } = await app.call('GET', '/metrics');
  const counts = [...String(body).matchAll(PUBLISHED)];
  return Object.fromEntries(counts.map(([, outcome = '', count]) => [outcome, Number(count)]));
}

type Checkpoint = { readonly size: number; readonly note: string };

/** After a change, so that there is something new to be signed. */
async function newCheckpoint(): Promise<Checkpoint> {
  await app.keyWith();
  const { status, body } = await app.call('POST', '/v1/audit/checkpoints');
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  return (body as { checkpoint: Checkpoint }).checkpoint;
}

it('each checkpoint is an object of its own, and one that is not taken is counted', async () => {
  const { size, note } = await newCheckpoint();
  const organizationId = /^latchkey\.audit\/(\S+)$/m.exec(note)?.[1] ?? '';
  const { s3: config } = loadEnv(s3.env);
  if (!config) throw new Error('There is no bucket.');
  const store = new S3ObjectStore(config);
  const name = `checkpoints/${organizationId}/${String(size).padStart(15, '0')}.txt`;
  expect(await text(await store.read(name))).toBe(note);
  store.onApplicationShutdown();
  const before = await published();
  expect(before.delivered).toBeGreaterThan(0);

  s3.fateOf = (method) => (method === 'PUT' ? 'fail' : 'pass');
  await newCheckpoint();
  expect((await published()).failed).toBe((before.failed ?? 0) + 1);
});
