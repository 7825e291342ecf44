import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { generateKeySecret } from '../../../src/modules/keys/domain/key-secret.js';
import {
  CHAT,
  exchangeRaw,
  MESSAGES,
  MODEL,
  parseRaw,
  refusal,
  type Stage,
  startStage,
} from './inference.harness.js';

/** Failed authentications that one address may have. */
const FAILURES_A_MINUTE = 60;
const BODY = JSON.stringify({ model: MODEL, messages: MESSAGES });

let stage: Stage;
beforeAll(async () => {
  stage = await startStage({ LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' });
});
afterEach(async () => {
  // Whoever was refused here never got as far as the provider.
  expect(stage.upstream.received).toEqual([]);
  await stage.expectAlive();
});
afterAll(() => stage.close());

function rawCall(lines: readonly string[], body = BODY): string {
  return [
    `POST ${CHAT} HTTP/1.1`,
    'host: gateway',
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...lines,
    'connection: close',
    '',
    body,
  ].join('\r\n');
}

describe('401', () => {
  it('no key: says how to give one', async () => {
    const answer = await stage.chat({}, { key: null });
    const error = refusal(answer, 401, 'missing_api_key');
    expect(error).toMatchObject({ message: 'No API key provided', type: 'authentication_error' });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="latchkey"');
  });

  it('a key in the query string is no key, and stands in no log line', async () => {
    const { app, key, logs } = stage;
    for (const name of ['api_key', 'key', 'access_token', 'authorization']) {
      const path = `${CHAT}?${name}=${key}`;
      refusal(await stage.chat({}, { key: null, path }), 401, 'missing_api_key');
      refusal(await app.call('GET', `/nowhere?${name}=${key}`, { key: null }), 404, 'not_found');
      refusal(
        await app.call('POST', `/v1/keys?${name}=${key}`, { key: null, body: {} }),
        401,
        'missing_api_key',
      );
    }
    expect(logs.length).toBeGreaterThan(0);
    expect(logs.filter((line) => line.includes(key))).toEqual([]);
  });

  it.each([
    ['the wrong brand', (key: string) => key.replace(/^pr-/, 'xx-')],
    ['a wrong checksum', (key: string) => key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')],
    ['a key that was never made', () => generateKeySecret('pr', 'production').reveal()],
    ['a test key that was never made', () => generateKeySecret('pr', 'development').reveal()],
    ['the environment changed', (key: string) => key.replace('-live-', '-test-')],
    ['a key in other letters', (key: string) => key.toUpperCase()],
    ['half a key', (key: string) => key.slice(0, 20)],
    ['a key and more', (key: string) => `${key}0`],
    ['5,000 characters', () => 'x'.repeat(5_000)],
    ['characters beyond ASCII', (key: string) => key.replace('pr-', 'pr\u00ad-')],
  ])('%s: told apart by nothing', async (_, present) => {
    const answer = await stage.chat({}, { key: present(stage.key) });
    const error = refusal(answer, 401, 'invalid_api_key');
    expect(error.message).toBe('Invalid API key provided');
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it.each(['Basic dXNlcjpwYXNz', 'Bearer', 'Bearer ', 'Bearer a b', 'Digest x', 'bearer\tx'])(
    'Authorization: %s',
    async (authorization) => {
      const answer = await stage.chat({}, { key: null, headers: { authorization } });
      refusal(answer, 401, 'invalid_api_key');
    },
  );

  it('a cookie or a header of another name is no key', async () => {
    const { key } = stage;
    const headers = { cookie: `latchkey_session=${key}`, 'api-key': key, 'x-auth-token': key };
    refusal(await stage.chat({}, { key: null, headers }), 401, 'missing_api_key');
  });

  it('a revoked key says so, because it is wholly right', async () => {
    const made = await stage.app.call('POST', '/v1/keys', { body: { name: 'doomed' } });
    const { id, key } = made.body as { id: string; key: string };
    await stage.app.call('DELETE', `/v1/keys/${id}`);
    refusal(await stage.chat({}, { key }), 401, 'revoked_api_key');
  });

  it('an expired key says so', async () => {
    const expires_at = new Date(Date.now() + 300).toISOString();
    const key = await stage.app.keyWith({ expires_at });
    await new Promise((resolve) => setTimeout(resolve, 400));
    refusal(await stage.chat({}, { key }), 401, 'expired_api_key');
  });
});

describe('400', () => {
  it('two Authorization headers, even equal ones, in any letters', async () => {
    const good = stage.key;
    const other = generateKeySecret('pr', 'production').reveal();
    for (const [first, second] of [
      [good, other],
      [other, good],
      [good, good],
    ]) {
      const request = rawCall([
        `Authorization: Bearer ${first}`,
        `AUTHORIZATION: Bearer ${second}`,
      ]);
      const { text } = await exchangeRaw(stage.app, [request]);
      const error = refusal(parseRaw(text), 400, 'invalid_request');
      expect(error.param).toBe('Authorization');
    }
  });

  it.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['a TLS greeting', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03])],
    ['both lengths', rawCall(['transfer-encoding: chunked'])],
    ['two lengths', rawCall(['content-length: 3'])],
    [
      'a length that is no number',
      `POST ${CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n`,
    ],
    ['a folded header', `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n b: 2\r\n\r\n`],
  ])('%s: the connection is closed', async (_, request) => {
    const { text, closedByServer } = await exchangeRaw(stage.app, [request]);
    refusal(parseRaw(text), 400, 'invalid_request');
    expect(closedByServer).toBe(true);
  });
});

describe('403', () => {
  it('a key without the scope names the scope', async () => {
    const key = await stage.app.keyWith({ scopes: ['keys:read'] });
    const answer = await stage.chat({}, { key });
    expect(refusal(answer, 403, 'insufficient_scope').details).toEqual({ scope: 'inference' });
    expect(answer.headers.get('www-authenticate')).toContain('insufficient_scope');
  });

  it('a management key and a read-only key don’t infer', async () => {
    const management = await stage.app.keyWith({ access_level: 'management' });
    refusal(await stage.chat({}, { key: management }), 403, 'insufficient_scope');
    const readOnly = await stage.app.keyWith({ access_level: 'read_only' });
    refusal(await stage.chat({}, { key: readOnly }), 403, 'read_only_key');
  });
});

describe('431', () => {
  it.each([17 * 1024, 1024 * 1024])('headers of %d bytes', async (size) => {
    const request = rawCall([`authorization: Bearer ${stage.key}`, `x-big: ${'x'.repeat(size)}`]);
    const { text, closedByServer } = await exchangeRaw(stage.app, [request]);
    refusal(parseRaw(text), 431, 'request_too_large');
    expect(closedByServer).toBe(true);
  });

  it('10,000 small headers', async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => `x-${index}: 1`);
    const { text } = await exchangeRaw(stage.app, [rawCall(lines)]);
    refusal(parseRaw(text), 431, 'request_too_large');
  });
});

describe('429', () => {
  function attempt(forwardedFor: string, key: string | null) {
    return stage.chat({}, { key, headers: { 'x-forwarded-for': forwardedFor } });
  }

  it('the 61st failure of an address, on every way in; a good key behind it goes on working', async () => {
    const address = '203.0.113.7';
    const unknown = generateKeySecret('pr', 'production').reveal();
    for (let i = 0; i < FAILURES_A_MINUTE; i++) {
      // All kinds of failures count alike.
      const key = [null, 'nonsense', unknown][i % 3] as string | null;
      expect((await attempt(address, key)).status).toBe(401);
    }
    const blocked = await attempt(address, unknown);
    const error = refusal(blocked, 429, 'rate_limit_exceeded');
    const seconds = Number(blocked.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(error.details).toEqual({
      limit: {
        metric: 'failed_authentications',
        window: 'minute',
        limit: FAILURES_A_MINUTE,
        resets_in_s: seconds,
      },
    });
    const management = await stage.app.call('GET', '/v1/keys', {
      key: 'nonsense',
      headers: { 'x-forwarded-for': address },
    });
    refusal(management, 429, 'rate_limit_exceeded');
    const good = { model: 'sandbox/echo' };
    const headers = { 'x-forwarded-for': address };
    expect((await stage.chat(good, { headers })).status).toBe(200);
    expect((await attempt('203.0.113.8', unknown)).status).toBe(401);
  });

  it('an IPv6 subscriber is one address, whatever the lower half says', async () => {
    for (let i = 0; i < FAILURES_A_MINUTE; i++) {
      expect((await attempt(`2001:db8:1:2::${i.toString(16)}`, 'nonsense')).status).toBe(401);
    }
    refusal(await attempt('2001:db8:1:2:ffff::1', null), 429, 'rate_limit_exceeded');
    expect((await attempt('2001:db8:1:3::1', null)).status).toBe(401);
  });
});
