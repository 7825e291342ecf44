import { createHash } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';

type Stored = { scheme: string; digest: Buffer };

let app: TestApp;
let other: TestApp;
let database: pg.Client;
beforeAll(async () => {
  app = await startTestApp();
  other = await startTestApp({ besides: app });
  database = new pg.Client({ connectionString: app.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await other.close();
  await app.close();
});

/** A key that nobody has used yet, stored as another gateway would. */
async function keyStoredAs(scheme: string, digest?: Buffer): Promise<{ id: string; key: string }> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'imported' } });
  const { id, key } = made.body as { id: string; key: string };
  const plain = digest ?? createHash('sha256').update(key).digest();
  await database.query('UPDATE api_key_secrets SET scheme = $2, digest = $3 WHERE key_id = $1', [
    id,
    scheme,
    plain,
  ]);
  return { id, key };
}

async function stored(keyId: string): Promise<Stored> {
  const { rows } = await database.query<Stored>(
    'SELECT scheme, digest FROM api_key_secrets WHERE key_id = $1',
    [keyId],
  );
  return rows[0]!;
}

describe('a secret that is stored as a plain SHA-256', () => {
  it('is taken, and stored under the pepper from its first use on', async () => {
    const ours = await keyStoredAs('sha256');
    const [{ scheme }] = (
      await database.query<Stored>("SELECT scheme FROM api_key_secrets WHERE scheme <> 'sha256'")
    ).rows as [Stored];
    expect((await app.call('GET', '/v1/key', { key: ours.key })).status).toBe(200);
    const after = await stored(ours.id);
    expect(after.scheme).toBe(scheme);
    expect(after.scheme).toMatch(/^hmac-sha256:[0-9a-f]{8}$/);
    expect(after.digest.equals(createHash('sha256').update(ours.key).digest())).toBe(false);
    expect((await other.call('GET', '/v1/key', { key: ours.key })).status).toBe(200);
    await app.call('DELETE', `/v1/keys/${ours.id}`, { headers: { prefer: 'wait=5' } });
    for (const instance of [app, other]) {
      const refused = await instance.call('GET', '/v1/key', { key: ours.key });
      expect(codeOf(refused)).toBe('revoked_api_key');
    }
  });

  it('is taken from many callers at once, on two instances', async () => {
    const { id, key } = await keyStoredAs('sha256');
    const calls = Array.from({ length: 40 }, (_, number) =>
      (number % 2 === 0 ? app : other).call('GET', '/v1/key', { key }),
    );
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(calls.map(() => 200));
    expect((await stored(id)).scheme).toMatch(/^hmac-sha256:/);
  });
});

describe('a digest that was made in another way than its scheme says', () => {
  it.each(['hmac-sha256:00000000', 'sha512', ''])(
    '401: %j with a plain SHA-256',
    async (scheme) => {
      const { id, key } = await keyStoredAs(scheme);
      expect(codeOf(await app.call('GET', '/v1/key', { key }))).toBe('invalid_api_key');
      expect((await stored(id)).scheme).toBe(scheme);
    },
  );

  it('401: the digest of a digest opens nothing', async () => {
    const { key } = await keyStoredAs('sha256', createHash('sha256').update('x').digest());
    expect(codeOf(await app.call('GET', '/v1/key', { key }))).toBe('invalid_api_key');
  });
});
