import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { startRedis, WITHOUT_REDIS } from '../support/redis.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { NotifyingProcess } from './notifications.harness.js';

let database: TestDatabase;
let receiver: Receiver;
const started: NotifyingProcess[] = [];
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  receiver = await startReceiver();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()));
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await receiver.close();
  await database.drop();
});

async function start(
  options: Partial<Parameters<typeof NotifyingProcess.start>[0]> = {},
): Promise<NotifyingProcess> {
  const started_ = await NotifyingProcess.start({ databaseUrl: database.url, ...options });
  started.push(started_);
  return started_;
}

describe.each([
  { name: 'PostgreSQL', needsRedis: false, missing: null },
  { name: 'Redis', needsRedis: true, missing: WITHOUT_REDIS },
])('with jobs on $name', ({ needsRedis, missing }) => {
  it.skipIf(missing !== null)('what is told reaches a webhook at once, signed', async () => {
    const redis = needsRedis ? await startRedis() : null;
    if (redis) cleanups.push(redis.stop);
    const process = await start({ role: 'all', ...(redis && { redisUrl: redis.url }) });
    const { secret } = await process.channel(receiver.url);
    const id = await process.notify({ data: { key_id: 'key_a', note: 'äöü' } });
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), 8_000);
    const [message] = receiver.received;
    expect(message?.headers['webhook-id']).toBe(id);
    const headers = message?.headers as Record<string, string>;
    const payload = new Webhook(secret).verify(message?.body ?? '', headers);
    expect(payload).toEqual({
      type: 'key.rotated',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      data: { key_id: 'key_a', note: 'äöü' },
    });
    await vi.waitFor(async () => {
      expect(await process.deliveries()).toMatchObject([{ status: 'delivered', attempts: 1 }]);
    }, 5_000);
  });
});
