import { Redis } from 'ioredis';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { startTestApp, type TestApp } from '../support/app.js';
import { startRedis, type TestRedis, WITHOUT_REDIS } from '../support/redis.js';
import { spellings } from '../support/secret-spellings.js';

const SIGNED = { security: { authentication: { require_signature: true } } };
const CREDENTIAL = `sk-proj-${randomBytes(18).toString('hex')}`;

/** What goes to Redis, as it goes over the wire, and what stands in it at the end. */
const sent: string[] = [];
const secrets: string[] = [CREDENTIAL];
let redis: TestRedis | null = null;
let app: TestApp;
let client: Redis;
let monitor: Redis;

beforeAll(async () => {
  redis = await startRedis();
  if (!redis) return;
  client = new Redis(redis.url);
  monitor = await client.monitor();
  monitor.on('monitor', (_time: string, args: readonly string[]) => sent.push(args.join(' ')));
  app = await startTestApp({ env: { REDIS_URL: redis.url } });
  secrets.push(app.masterKey);
});
afterAll(async () => {
  if (!redis) return;
  await app.close();
  monitor.disconnect();
  client.disconnect();
  await redis.stop();
});

async function takeSecrets(method: string, path: string, body: object): Promise<string> {
  const headers = { 'idempotency-key': path };
  const answer = await app.call(method, path, { body, headers });
  expect(answer.status).toBeLessThan(300);
  const { id, ...fields } = answer.body as Record<string, string>;
  for (const name of ['key', 'secret', 'api_key', 'signing_secret']) {
    if (fields[name] !== undefined) secrets.push(fields[name]);
  }
  return id ?? '';
}

async function stored(): Promise<string[]> {
  const keys = await client.keysBuffer('*');
  const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
  // What was there a moment ago may have expired.
  const found = dumps.filter((dump) => (dump as Buffer | null) !== null);
  return [...keys, ...found].map((bytes) => bytes.toString('latin1'));
}

describe.skipIf(WITHOUT_REDIS !== null)(
  WITHOUT_REDIS === null ? 'Redis' : `Redis (skipped: ${WITHOUT_REDIS})`,
  () => {
    it('is told of what changes, and hears and keeps no secret', async () => {
      const id = await takeSecrets('POST', '/v1/keys', { name: 'signs', ...SIGNED });
      await takeSecrets('POST', '/v1/api-keys', { name: 'one' });
      await takeSecrets('POST', '/manage/api-keys', { name: 'another' });
      await takeSecrets('POST', `/v1/keys/${id}/signing-secret`, {});
      await app.call('POST', '/v1/providers', {
        body: {
          name: 'p',
          kind: 'openai-compatible',
          base_url: 'http://127.0.0.1:9/v1',
          api_key: CREDENTIAL,
        },
      });
      for (const key of secrets) await app.call('GET', '/v1/key', { key });
      await app.call('POST', '/v1/keys/verify', { body: { key: secrets.at(1) } });
      await app.call('DELETE', `/v1/keys/${id}`, { headers: { prefer: 'wait=5' } });
      await vi.waitFor(() => expect(sent.some((line) => line.includes(id))).toBe(true));
      const texts = [...sent, ...(await stored())];
      expect(texts.length).toBeGreaterThan(100);
      expect(secrets).toHaveLength(7);
      const forms = secrets.flatMap(spellings).map((form) => form.toLowerCase());
      for (const text of texts) {
        const lower = text.toLowerCase();
        expect(forms.filter((form) => lower.includes(form))).toEqual([]);
      }
    });
  },
);
