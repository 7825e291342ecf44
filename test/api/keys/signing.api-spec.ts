import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { sendRaw } from '../../support/raw-request.js';
import { type SigningKey, signedHeaders, type SignOptions } from '../../support/signer.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';

const CHAT = JSON.stringify({
  model: 'sandbox/echo',
  messages: [{ role: 'user', content: 'hi' }],
});
const CHAT_PATH = '/v1/chat/completions';
const SIGNED = { security: { authentication: { require_signature: true } } };

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

async function signingKey(fields: Record<string, unknown> = {}): Promise<SigningKey> {
  const body = { name: 'signs', access_level: 'admin', ...SIGNED, ...fields };
  const made = await app.call('POST', '/v1/keys', { body });
  expect([made.status, made.body]).toMatchObject([
    201,
    { signing_secret: expect.any(String) as string },
  ]);
  return made.body as SigningKey;
}

type SignedCall = { readonly body?: string; readonly sent?: string; readonly at?: TestApp };

/** @param call what is `sent`, where that is not the body that was signed */
function callSigned(
  key: SigningKey,
  route: string,
  { body, sent = body, at = app }: SignedCall = {},
  options: SignOptions = {},
): Promise<Answer> {
  const [method, path] = route.split(' ') as [string, string];
  const unsigned = { method, url: at.origin + path, ...(body !== undefined && { body }) };
  const headers = signedHeaders(key, unsigned, options);
  return at.call(method, path, { key: null, headers, ...(sent !== undefined && { body: sent }) });
}

const outcomeOf = (answer: Answer): [number, string | undefined] => [answer.status, codeOf(answer)];
const REFUSED = [401, 'signature_invalid'];

describe('a body that was signed', () => {
  it.each([
    ['DELETE', '', { revoke_immediately: false, revoke_after: '24h' }],
    ['POST', '/disable', { auto_enable_after: '10m' }],
  ])('can’t be left out: %s …%s', async (method, path, fields) => {
    const key = await signingKey();
    const made = await app.call('POST', '/v1/keys', { body: { name: 'target' } });
    const { id } = made.body as { id: string };
    const target = `/v1/keys/${id}${path}`;
    const unsigned = { method, url: app.origin + target, body: JSON.stringify(fields) };
    for (const length of [[], [['content-length', '0'] as const]]) {
      const headers = Object.entries(signedHeaders(key, unsigned));
      const sent = [...headers, ['host', new URL(app.origin).host] as const, ...length];
      const answer = await sendRaw(app.origin, { method, target, headers: sent, body: '' });
      expect(answer.text).toContain('signature_invalid');
    }
    expect((await app.call('GET', `/v1/keys/${id}`)).body).toMatchObject({ status: 'active' });
  });
});

describe('a key that must sign', () => {
  it('is served where it signs, on every way into the API, with and without query and body', async () => {
    const key = await signingKey();
    for (const [route, body] of [
      [`POST ${CHAT_PATH}`, CHAT],
      [`POST ${CHAT_PATH}?a=b&c=%20d`, CHAT],
      ['POST /openai/chat/completions', CHAT],
      ['GET /v1/key', undefined],
      ['GET /v1/keys?limit=2', undefined],
      [`PATCH /v1/keys/${key.id}`, '{"name":"renamed"}'],
      ['POST /v1/keys', '{"name":"child"}'],
      [`POST /v1/keys/${key.id}/enable`, undefined],
    ] as const) {
      const answer = await callSigned(key, route, body === undefined ? {} : { body });
      expect([route, answer.status]).toEqual([route, route === 'POST /v1/keys' ? 201 : 200]);
    }
  });

  it('is refused where it does not', async () => {
    const { key } = await signingKey();
    for (const [method, path, body] of [
      ['GET', '/v1/key', undefined],
      ['POST', CHAT_PATH, CHAT],
      ['POST', `${CHAT_PATH}?a`, CHAT],
      ['POST', '/v1/keys', '{"name":"x"}'],
    ] as const) {
      const answer = await app.call(method, path, { key, ...(body !== undefined && { body }) });
      expect(outcomeOf(answer)).toEqual([401, 'signature_required']);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
  });

  it('makes children that must sign too', async () => {
    const parent = await signingKey();
    const body = JSON.stringify({ name: 'child' });
    const made = await callSigned(parent, 'POST /v1/keys', { body });
    const child = made.body as SigningKey;
    expect(outcomeOf(await app.call('GET', '/v1/key', { key: child.key }))).toEqual([
      401,
      'signature_required',
    ]);
    const wide = { name: 'x', security: { authentication: { require_signature: false } } };
    const answer = await callSigned(parent, 'POST /v1/keys', { body: JSON.stringify(wide) });
    expect(answer.body).toMatchObject({
      error: { code: 'escalation_denied', param: 'security.authentication.require_signature' },
    });
  });

  it('tells who does not sign nothing of its policy', async () => {
    const restricted = await signingKey({
      security: { ...SIGNED.security, network_restrictions: { ip_whitelist: ['192.0.2.1'] } },
      scopes: ['usage:read'],
      access_level: undefined,
    });
    const { key } = restricted;
    for (const path of ['/v1/key', '/v1/keys', '/v1/models'])
      expect(codeOf(await app.call('GET', path, { key }))).toBe('signature_required');
    expect(codeOf(await callSigned(restricted, 'GET /v1/keys'))).toBe('insufficient_scope');
    expect(codeOf(await callSigned(restricted, 'GET /v1/key'))).toBe('ip_not_allowed');
    await app.call('POST', `/v1/keys/${restricted.id}/disable`);
    expect(codeOf(await app.call('GET', '/v1/key', { key }))).toBe('key_disabled');
  });

  it.each<[string, (now: number) => SignOptions, string | null]>([
    ['made too long ago', (now) => ({ created: now - 302 }), 'timestamp_out_of_range'],
    ['made in the future', (now) => ({ created: now + 330 }), 'timestamp_out_of_range'],
    ['made a while ago', (now) => ({ created: now - 290 }), null],
    ['that has expired', (now) => ({ expires: now - 1 }), 'timestamp_out_of_range'],
    ['that will expire', (now) => ({ expires: now + 60 }), null],
    ['over more fields', () => ({ fields: { 'if-match': '"1", "2"', 'x-note': 'a b' } }), null],
  ])('and a signature %s', async (_, optionsAt, code) => {
    const options = optionsAt(Math.floor(Date.now() / 1_000));
    const answer = await callSigned(await signingKey(), 'GET /v1/key', {}, options);
    expect(outcomeOf(answer)).toEqual(code === null ? [200, undefined] : [401, code]);
  });
});

describe('a body that is not the one that was signed', () => {
  it('has no effect, whether it is read before the caller is known or after', async () => {
    const key = await signingKey();
    const usageBefore = await callSigned(key, 'GET /v1/key');
    for (const route of [`POST ${CHAT_PATH}`, `POST ${CHAT_PATH}?a`]) {
      for (const sent of [CHAT.replace('hi', 'ho'), `${CHAT} `, '']) {
        const answer = await callSigned(key, route, { body: CHAT, sent });
        expect([sent, ...outcomeOf(answer)]).toEqual([sent, ...REFUSED]);
      }
    }
    const made = await callSigned(key, 'POST /v1/keys', {
      body: '{"name":"a"}',
      sent: '{"name":"b"}',
    });
    expect(outcomeOf(made)).toEqual(REFUSED);
    const patched = await callSigned(key, `PATCH /v1/keys/${key.id}`, {
      body: '{"name":"a"}',
      sent: '{"name":"taken over"}',
    });
    expect(outcomeOf(patched)).toEqual(REFUSED);
    const { rows } = await database.query(
      "SELECT count(*)::int AS count FROM api_keys WHERE name IN ('b', 'taken over')",
    );
    expect(rows).toEqual([{ count: 0 }]);
    const usage = await callSigned(key, 'GET /v1/key');
    expect((usage.body as { usage: unknown }).usage).toEqual(
      (usageBefore.body as { usage: unknown }).usage,
    );
  });

  it('is not taken without its digest', async () => {
    const key = await signingKey();
    const components = ['@method', '@authority', '@path', '@query'];
    for (const route of [`POST ${CHAT_PATH}`, 'POST /v1/keys']) {
      const answer = await callSigned(key, route, { body: CHAT }, { components });
      expect(outcomeOf(answer)).toEqual(REFUSED);
    }
  });
});

describe('a nonce', () => {
  it.each([
    ['a completion', `POST ${CHAT_PATH}`, CHAT],
    ['a new key', 'POST /v1/keys', '{"name":"made once"}'],
  ])('lets one of 100 parallel replays of %s through, over two instances', async (...row) => {
    const [, route, body] = row;
    const other = await startTestApp({ besides: app });
    const key = await signingKey();
    const [method, path] = route.split(' ') as [string, string];
    const headers = signedHeaders(key, { method, url: `http://gateway.test${path}`, body });
    const send = async (origin: string): Promise<number> => {
      const all: [string, string][] = [['Host', 'gateway.test'], ...Object.entries(headers)];
      const request = { method, target: path, headers: all, body };
      return (await sendRaw(origin, request)).status;
    };
    const statuses = await Promise.all(
      Array.from({ length: 100 }, (_, at) => send((at % 2 === 0 ? app : other).origin)),
    );
    expect(statuses.filter((status) => status < 300)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(99);
    await other.close();
  });

  it('is known by its hash alone, for twice the greatest age and a minute', async () => {
    const key = await signingKey({
      security: { authentication: { require_signature: true, max_timestamp_age: 60 } },
    });
    const nonce = 'never-seen-in-the-database';
    expect((await callSigned(key, 'GET /v1/key', {}, { nonce })).status).toBe(200);
    const again = await callSigned(key, 'GET /v1/key', {}, { nonce });
    expect(outcomeOf(again)).toEqual([401, 'nonce_replayed']);
    const { rows } = await database.query<{ row: string; seconds: number }>(
      `SELECT used_nonces::text AS row, extract(epoch FROM expires_at - now())::float AS seconds
         FROM used_nonces WHERE key_id = $1`,
      [key.id],
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.row).not.toContain(Buffer.from(nonce).toString('hex'));
    expect(rows[0]?.seconds).toBeGreaterThan(170);
    expect(rows[0]?.seconds).toBeLessThanOrEqual(180);
  });

  it('is not used up by a call that is refused', async () => {
    const key = await signingKey();
    const options = { nonce: 'used-by-the-second' };
    const refused = await callSigned(
      key,
      `POST /v1/keys`,
      { body: '{}', sent: '{"a":1}' },
      options,
    );
    expect(outcomeOf(refused)).toEqual(REFUSED);
    expect((await callSigned(key, 'GET /v1/key', {}, options)).status).toBe(200);
  });

  it('is its key’s own', async () => {
    const options = { nonce: 'shared-by-two-keys' };
    for (const key of [await signingKey(), await signingKey()])
      expect((await callSigned(key, 'GET /v1/key', {}, options)).status).toBe(200);
  });

  it('that can’t be stored is not taken', async () => {
    const proxy = await startTcpProxy(app.databaseUrl);
    const other = await startTestApp({ besides: app, env: { DATABASE_URL: proxy.url } });
    const key = await signingKey();
    expect((await callSigned(key, `POST ${CHAT_PATH}`, { body: CHAT, at: other })).status).toBe(
      200,
    );
    proxy.refuse();
    const answer = await callSigned(key, `POST ${CHAT_PATH}`, { body: CHAT, at: other });
    expect(outcomeOf(answer)).toEqual([503, 'service_unavailable']);
    proxy.restore();
    await other.close();
    await proxy.stop();
  });
});

describe('a signing secret', () => {
  const turn = (id: string, isOn: boolean | null): Promise<Answer> =>
    app.call('PATCH', `/v1/keys/${id}`, {
      body: { security: { authentication: isOn === null ? null : { require_signature: isOn } } },
    });

  it('is shown when signing is turned on, and at no other time', async () => {
    const made = await app.call('POST', '/v1/keys', { body: { name: 'plain' } });
    const { id, key } = made.body as SigningKey;
    expect(made.body).not.toHaveProperty('signing_secret');
    const on = await turn(id, true);
    const { signing_secret: secret } = on.body as SigningKey;
    expect(secret).toMatch(/^lsig_[0-9A-Za-z]{43}$/);
    expect((await callSigned({ id, key, signing_secret: secret }, 'GET /v1/key')).status).toBe(200);
    for (const answer of [
      await turn(id, true),
      await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'x' } }),
      await app.call('GET', `/v1/keys/${id}`),
      await app.call('GET', `/v1/keys/${id}/policy`),
      await app.call('GET', '/v1/keys'),
    ]) {
      expect(answer.status).toBe(200);
      expect(JSON.stringify(answer.body)).not.toContain('lsig_');
    }
    expect((await callSigned({ id, key, signing_secret: secret }, 'GET /v1/key')).status).toBe(200);
  });

  it.each([false, null])('is deleted when signing is turned off by %s', async (off) => {
    const key = await signingKey({ access_level: 'inference' });
    expect((await turn(key.id, off)).status).toBe(200);
    expect((await app.call('GET', '/v1/key', { key: key.key })).status).toBe(200);
    const { rows } = await database.query(
      'SELECT sealed_signing_secret FROM api_keys WHERE id = $1',
      [key.id],
    );
    expect(rows).toEqual([{ sealed_signing_secret: null }]);
    const { signing_secret: another } = (await turn(key.id, true)).body as SigningKey;
    expect(another).not.toBe(key.signing_secret);
    expect(outcomeOf(await callSigned(key, 'GET /v1/key'))).toEqual(REFUSED);
  });

  it('is replaced on demand, once for one Idempotency-Key; the old one ends at once', async () => {
    const key = await signingKey();
    const path = `/v1/keys/${key.id}/signing-secret`;
    const call = { headers: { 'idempotency-key': 'again' } };
    const first = await app.call('POST', path, call);
    expect(first).toMatchObject({ status: 201, body: { id: key.id, version: 2 } });
    expect((await app.call('POST', path, call)).body).toEqual(first.body);
    expect(outcomeOf(await callSigned(key, 'GET /v1/key'))).toEqual(REFUSED);
    const { signing_secret } = first.body as SigningKey;
    expect((await callSigned({ ...key, signing_secret }, 'GET /v1/key')).status).toBe(200);
  });

  it('can’t be had for a key that signs nothing, is revoked, or may do more than the caller', async () => {
    const plain = await app.call('POST', '/v1/keys', { body: { name: 'plain' } });
    const reissue = (id: string, key?: string): Promise<Answer> =>
      app.call('POST', `/v1/keys/${id}/signing-secret`, key === undefined ? {} : { key });
    expect(outcomeOf(await reissue((plain.body as SigningKey).id))).toEqual([409, 'conflict']);
    const admin = await signingKey();
    const weak = await app.keyWith({ scopes: ['keys:write'] });
    expect(outcomeOf(await reissue(admin.id, weak))).toEqual([403, 'escalation_denied']);
    await app.call('DELETE', `/v1/keys/${admin.id}`);
    expect(outcomeOf(await reissue(admin.id))).toEqual([409, 'conflict']);
  });

  it('that was copied to another key’s row opens nothing', async () => {
    const [one, other] = [await signingKey(), await signingKey()];
    await database.query(
      `UPDATE api_keys SET sealed_signing_secret =
         (SELECT sealed_signing_secret FROM api_keys WHERE id = $1) WHERE id = $2`,
      [one.id, other.id],
    );
    const stolen = { ...other, signing_secret: one.signing_secret };
    expect((await callSigned(stolen, 'GET /v1/key')).status).toBe(500);
  });
});
