import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { type SigningKey, signedHeaders } from '../../support/signer.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

/** One API for keys: where it is, what it calls the secret, how it lists, and how it deletes. */
type Surface = {
  readonly path: string;
  readonly secret: string;
  readonly list: string;
  readonly revoke: (id: string, name: string) => readonly [path: string, body?: object];
};

const byId = (path: string) => (id: string) => [`${path}/${id}`] as const;
const byName = (path: string) => (_: string, name: string) => [path, { name }] as const;

const SURFACES: readonly Surface[] = [
  { path: '/v1/keys', secret: 'key', list: 'data', revoke: byId('/v1/keys') },
  { path: '/v1/api-keys', secret: 'secret', list: 'data', revoke: byId('/v1/api-keys') },
  ...['/manage/api-keys', '/v1/manage/api-keys'].map((path) => ({
    path,
    secret: 'api_key',
    list: 'api_keys',
    revoke: byName(path),
  })),
];

const PAIRS = SURFACES.flatMap((made) => SURFACES.map((revoked) => ({ made, revoked })));

async function probe(key: string, model = 'sandbox/echo'): Promise<string> {
  const body = { model, messages: [{ role: 'user', content: 'hi' }] };
  const answer = await app.call('POST', '/v1/chat/completions', { key, body });
  return codeOf(answer) ?? String(answer.status);
}

async function make({ path, secret }: Surface, name: string): Promise<string> {
  const made = await app.call('POST', path, { body: { name } });
  expect(made.status).toBe(201);
  return (made.body as Record<string, string>)[secret] as string;
}

async function find({ path, list }: Surface, name: string): Promise<Record<string, unknown>> {
  const { body } = await app.call('GET', `${path}?limit=200`);
  const rows = (body as Record<string, Record<string, unknown>[]>)[list] ?? [];
  const found = rows.filter((row) => row.name === name);
  expect(found.length, path).toBeLessThanOrEqual(1);
  return found[0] ?? {};
}

describe('one key', () => {
  it.each(PAIRS)(
    'made on $made.path is listed everywhere, limited, and revoked on $revoked.path',
    async ({ made, revoked }) => {
      const name = `${made.path} ${revoked.path}`;
      const key = await make(made, name);
      const { id } = (await app.call('GET', '/v1/key', { key })).body as { id: string };
      for (const surface of SURFACES) {
        const row = await find(surface, name);
        expect(row, surface.path).toMatchObject({ name });
        if (surface.list === 'data') expect(row.id).toBe(id);
      }
      expect(await probe(key, 'sandbox/lorem')).toBe('200');
      const limits = { body: { permissions: { models: ['sandbox/echo'] } } };
      expect((await app.call('PATCH', `/v1/keys/${id}`, limits)).status).toBe(200);
      expect(await probe(key, 'sandbox/lorem')).toBe('model_not_allowed');
      expect(await probe(key)).toBe('200');
      const policy = await app.call('GET', `/v1/keys/${id}/policy`);
      expect(policy.body).toMatchObject({
        policy: { permissions: { models: { allowed: ['sandbox/echo'] } } },
      });
      const [path, body] = revoked.revoke(id, name);
      expect((await app.call('DELETE', path, body ? { body } : {})).status).toBe(200);
      expect(await probe(key)).toBe('revoked_api_key');
      const rows = await Promise.all(SURFACES.map((surface) => find(surface, name)));
      expect(rows).toMatchObject([{ status: 'revoked' }, { revoked: true }, {}, {}]);
      expect(rows.slice(2)).toEqual([{}, {}]);
    },
  );

  it('made by a key that must sign must sign too, and its signing secret is shown once', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: {
        name: 'signs',
        access_level: 'management',
        security: { authentication: { require_signature: true } },
      },
    });
    for (const { path } of SURFACES) {
      const body = { name: `signed ${path}` };
      const headers = {
        'idempotency-key': 'signed',
        ...signedHeaders(made.body as SigningKey, {
          method: 'POST',
          url: app.origin + path,
          body: JSON.stringify(body),
        }),
      };
      const { key } = made.body as SigningKey;
      const child = await app.call('POST', path, { key, body, headers });
      expect(child.status).toBe(201);
      expect((child.body as SigningKey).signing_secret).toMatch(/^lsig_/);
    }
  });

  it('renamed is known by its new name, and frees the old one', async () => {
    const [, , management] = SURFACES as [Surface, Surface, Surface];
    const key = await make(management, 'before');
    const { id } = (await app.call('GET', '/v1/key', { key })).body as { id: string };
    await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'after' } });
    expect(await find(management, 'after')).toMatchObject({ name: 'after' });
    await make(management, 'before');
    const removed = await app.call('DELETE', management.path, { body: { name: 'after' } });
    expect(removed.status).toBe(200);
    expect(await probe(key)).toBe('revoked_api_key');
  });
});
