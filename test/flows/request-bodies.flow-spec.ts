import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import type { BodyQueue } from '#modules/usage/bodies/body-queue.service.js';
import { DeleteExpiredBodiesProcessor } from '#modules/usage/bodies/delete-expired-bodies.processor.js';
import { KeepBodiesService } from '#modules/usage/bodies/keep-bodies.service.js';
import {
  type KeptBody,
  RequestBodiesRepository,
} from '#modules/usage/bodies/request-bodies.repository.js';
import { loadEnv } from '#platform/config/env.js';
import { RootKey } from '#platform/crypto/root-key.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { SpoolHarness } from './usage-spool.harness.js';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 21);

class FixedClock extends Clock {
  override now(): number {
    return NOW;
  }
}

let harness: SpoolHarness;
let repository: RequestBodiesRepository;
let bodies: KeepBodiesService;
beforeAll(async () => {
  harness = await SpoolHarness.start();
  const transactions = new TransactionRunner(harness.storage.dataSource);
  repository = new RequestBodiesRepository(transactions, new RootKey(new Secret(randomBytes(32))));
  const nothingWaits = { flush: () => Promise.resolve() } as unknown as BodyQueue;
  const config = loadEnv({ LATCHKEY_REQUEST_BODY_RETENTION_DAYS: '7' });
  bodies = new KeepBodiesService(nothingWaits, repository, new FixedClock(), config);
});
afterAll(() => harness.stop());
beforeEach(() => harness.admin.query('TRUNCATE request_bodies'));

let made = 0;
function bodyOf(organizationId: string, daysAgo: number, facts: Partial<KeptBody> = {}): KeptBody {
  return {
    organizationId,
    keyId: 'key_1',
    requestId: `req_${++made}`,
    kind: 'request',
    occurredAtMs: NOW - daysAgo * DAY_MS,
    content: Buffer.from('hello'),
    bytes: 5,
    ...facts,
  };
}

async function left(): Promise<string[]> {
  const { rows } = await harness.admin.query<{ id: string }>(
    'SELECT request_id AS id FROM request_bodies ORDER BY occurred_at DESC',
  );
  return rows.map(({ id }) => id);
}

it('the job deletes what is older than bodies are kept, whosever it is, and no more', async () => {
  const young = [6.9, 0].map((days) => bodyOf('org_1', days));
  const old = ['org_1', 'org_2', 'org_2', 'org_3'].map((org) => bodyOf(org, 7.1));
  await repository.insertAcrossTenants([...young, ...old]);
  const job = new DeleteExpiredBodiesProcessor(bodies);
  await job.process({ maxBodies: 2 }, AbortSignal.abort());
  expect(await left()).toHaveLength(6);
  await job.process({ maxBodies: 2 }, new AbortController().signal);
  expect((await left()).toSorted()).toEqual(young.map(({ requestId }) => requestId).toSorted());
  await job.process({ maxBodies: 2 }, new AbortController().signal);
  expect(await left()).toHaveLength(2);
});

it('one statement of the job deletes a bounded number, the oldest first', async () => {
  const old = [10, 9, 8].map((days) => bodyOf('org_1', days));
  await repository.insertAcrossTenants(old);
  expect(await bodies.deleteExpired(2)).toBe(2);
  expect(await left()).toEqual([old[2]?.requestId]);
});

it('a body that is stored again is stored once', async () => {
  const body = bodyOf('org_1', 0);
  await repository.insertAcrossTenants([body, body]);
  await repository.insertAcrossTenants([body]);
  expect(await bodies.read('org_1', body.requestId)).toEqual([
    { kind: 'request', content: 'hello', bytes: 5, isTruncated: false },
  ]);
});

it('a body is another organization’s for nobody: not to read, to see or to delete', async () => {
  const body = bodyOf('org_1', 1);
  await repository.insertAcrossTenants([body]);
  const { requestId: id } = body;
  expect(await bodies.read('org_2', id)).toEqual([]);
  expect((await bodies.kindsOf('org_2', [id])).size).toBe(0);
  expect(await bodies.delete('org_2', id)).toBe(0);
  const all = { keyId: null, before: new Date(NOW) };
  expect(await bodies.deleteSelected('org_2', all)).toEqual({ deleted: 0, hasMore: false });
  expect(await left()).toEqual([id]);
  expect((await bodies.kindsOf('org_1', [id])).get(id)).toEqual(new Set(['request']));
  expect(await bodies.deleteSelected('org_1', all)).toEqual({ deleted: 1, hasMore: false });
});

it('many bodies are deleted some at a time, and it says that there are more', async () => {
  await harness.admin.query(
    `INSERT INTO request_bodies (organization_id, key_id, request_id, kind, occurred_at, sealed, bytes, truncated)
     SELECT 'org_1', 'key_1', 'req_' || number, 'request', $1, '', 0, false
       FROM generate_series(1, 10001) AS number`,
    [new Date(NOW - DAY_MS)],
  );
  const selection = { keyId: 'key_1', before: new Date(NOW) };
  expect(await bodies.deleteSelected('org_1', selection)).toEqual({
    deleted: 10_000,
    hasMore: true,
  });
  expect(await bodies.deleteSelected('org_1', selection)).toEqual({ deleted: 1, hasMore: false });
});
