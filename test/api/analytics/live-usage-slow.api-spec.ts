import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { SocketClient } from '../../support/live-clients.js';
import { insertEvents } from '../../support/usage-events.js';

/** More than a connection's buffers and what may wait for a client hold together. */
const MANY = 25_000;
/** Of one transaction. */
const BATCH = 500;

let app: TestApp;
let database: pg.Client;
beforeAll(async () => {
  app = await startTestApp();
  database = new pg.Client({ connectionString: app.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await app.close();
});

async function watchedKey(): Promise<{ organizationId: string; keyId: string }> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'watched' } });
  const { id: keyId, key } = made.body as { id: string; key: string };
  const own = await app.call('GET', '/v1/key');
  const { organization_id: organizationId } = own.body as { organization_id: string };
  // Makes the partition of the day.
  await app.call('POST', '/v1/chat/completions', {
    key,
    body: { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] },
  });
  return { organizationId, keyId };
}

async function metric(line: string): Promise<number> {
  const { body } = await app.call('GET', '/metrics', { key: null });
  return Number(new RegExp(`^${line} (\\d+)$`, 'm').exec(String(body))?.[1] ?? 0);
}

it('a client that does not read is dropped with 4408, and one that does gets everything once', async () => {
  const key = await watchedKey();
  const options = { key: app.masterKey };
  const slow = await SocketClient.listen(app.origin, key.keyId, options);
  const quick = await SocketClient.listen(app.origin, key.keyId, options);
  await quick.untilOfType('request_completed');
  expect(await metric('latchkey_usage_streams')).toBe(2);
  slow.socket.pause();
  const ids: string[] = [];
  while (ids.length < MANY) ids.push(...(await insertEvents(database, key, BATCH)));
  const dropped = 'latchkey_usage_streams_ended_total{reason="too_slow"}'.replace(/[{}]/g, '\\$&');
  await expect.poll(() => metric(dropped), { timeout: 20_000, interval: 20 }).toBe(1);
  slow.socket.resume();
  expect(await slow.closed).toEqual({ code: 4408, reason: 'too_slow' });
  await quick.untilOfType('request_completed', MANY + 1);
  expect(quick.requestIds.slice(1).toSorted()).toEqual(ids.toSorted());
  expect(slow.requestIds.length).toBeLessThan(MANY);

  // What it has not got comes when it takes its stream up again, at the pace at which it takes it.
  const query = { last_event_id: slow.lastEventId };
  const again = SocketClient.connect(app.origin, key.keyId, { ...options, query });
  await again.untilOfType('heartbeat');
  expect(new Set([...slow.requestIds, ...again.requestIds].slice(1))).toEqual(new Set(ids));
  await Promise.all([quick.leave(), again.leave()]);
}, 120_000);
