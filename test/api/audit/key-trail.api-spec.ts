import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ErrorCode } from '#common/errors/error-codes.js';

import { type Call, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { type SigningKey, signedHeaders } from '../../support/signer.js';

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ env: { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' } });
});
afterAll(() => app.close());

type KeyEvent = {
  readonly action: string;
  readonly event_type: string;
  readonly outcome: string;
  readonly ip_address: string | null;
  readonly details: Readonly<Record<string, unknown>>;
};

async function eventsOf(keyId: string, types: string): Promise<KeyEvent[]> {
  const { status, body } = await app.call('GET', `/v1/keys/${keyId}/audit?event_types=${types}`);
  expect(status).toBe(200);
  return (body as { events: KeyEvent[] }).events;
}

/** What the trail has of a key besides its making: it is there within a second or so. */
function trailOf(keyId: string, types: string) {
  return expect.poll(() => eventsOf(keyId, types), { timeout: 15_000, interval: 100 });
}

async function newKey(fields: Record<string, unknown> = {}): Promise<SigningKey> {
  const { status, body } = await app.call('POST', '/v1/keys', {
    body: { name: 'trail', ...fields },
  });
  expect(status).toBe(201);
  return body as SigningKey;
}

const FROM_ELSEWHERE = { 'x-forwarded-for': '203.0.113.9' };
const REQUIRES_SIGNATURE = { security: { authentication: { require_signature: true } } };
const network = (rules: Record<string, unknown>): Record<string, unknown> => ({
  security: { network_restrictions: rules },
});
const SELF = '/v1/key';
const urlOf = (path: string): string => app.origin + path;

type Refusal = {
  readonly code: ErrorCode;
  readonly fields?: Record<string, unknown>;
  readonly prepare?: (key: SigningKey) => Promise<unknown>;
  readonly path?: string;
  readonly method?: string;
  /** The key is presented unless said. */
  readonly call?: (key: SigningKey) => Call;
};

const signed = (key: SigningKey, options?: Parameters<typeof signedHeaders>[2]): Call => ({
  key: null,
  headers: signedHeaders(key, { method: 'GET', url: urlOf(SELF) }, options),
});
const NONCE = 'f00df00df00df00df00df00df00df00d';

const REFUSALS: readonly Refusal[] = [
  {
    code: 'revoked_api_key',
    prepare: ({ id }) => app.call('DELETE', `/v1/keys/${id}`, { body: { reason: 'over' } }),
  },
  {
    code: 'key_disabled',
    prepare: ({ id }) => app.call('POST', `/v1/keys/${id}/disable`, { body: {} }),
  },
  {
    code: 'ip_not_allowed',
    fields: network({ ip_whitelist: ['198.51.100.0/24'] }),
    call: ({ key }) => ({ key, headers: FROM_ELSEWHERE }),
  },
  {
    code: 'country_not_allowed',
    fields: network({ blocked_countries: ['BR'] }),
    call: ({ key }) => ({ key, headers: { 'x-forwarded-for': '200.160.2.3' } }),
  },
  { code: 'signature_required', fields: REQUIRES_SIGNATURE },
  {
    code: 'signature_invalid',
    fields: REQUIRES_SIGNATURE,
    call: (key) => signed({ ...key, signing_secret: `lsig_${'x'.repeat(43)}` }),
  },
  {
    code: 'timestamp_out_of_range',
    fields: REQUIRES_SIGNATURE,
    call: (key) => signed(key, { created: Math.floor(Date.now() / 1_000) - 3_600 }),
  },
  {
    code: 'nonce_replayed',
    fields: REQUIRES_SIGNATURE,
    prepare: (key) => app.call('GET', SELF, signed(key, { nonce: NONCE })),
    call: (key) => signed(key, { nonce: NONCE }),
  },
  { code: 'insufficient_scope', fields: { access_level: 'inference' }, path: '/v1/keys' },
  {
    code: 'escalation_denied',
    fields: { access_level: 'management' },
    method: 'POST',
    path: '/v1/keys',
    call: ({ key }) => ({ key, body: { name: 'more', access_level: 'master' } }),
  },
];

describe('the trail of a key', () => {
  it.each(REFUSALS)('has a security alert of $code', async (refusal) => {
    const { code, fields, prepare, method = 'GET', path = SELF } = refusal;
    const key = await newKey(fields);
    await prepare?.(key);
    const call = refusal.call?.(key) ?? { key: key.key };
    expect(codeOf(await app.call(method, path, call))).toBe(code);
    await trailOf(key.id, 'security_alert').toEqual([
      expect.objectContaining({
        action: 'access.denied',
        event_type: 'security_alert',
        outcome: 'denied',
        details: expect.objectContaining({ code, path }) as object,
      }),
    ]);
    expect(await eventsOf(key.id, 'usage')).toEqual([]);
  });

  it('has what a key with log_all_requests does, as usage', async () => {
    const audit = { log_all_requests: true };
    const { id, key } = await newKey({
      permissions: { models: ['sandbox/echo'] },
      security: { audit },
    });
    await complete(key, 'sandbox/echo');
    await complete(key, 'gpt-4o');
    await app.call('GET', SELF, { key });
    await trailOf(id, 'usage').toHaveLength(3);
    const actions = (await eventsOf(id, 'usage')).map(({ action }) => action).sort();
    expect(actions).toEqual(['request.refused', 'request.served', 'request.served']);
    expect(await eventsOf(id, 'security_alert')).toEqual([]);
  });

  it('has what fails of a key with log_failures, as usage', async () => {
    const audit = { log_failures: true };
    const { id, key } = await newKey({
      permissions: { models: ['sandbox/echo'] },
      security: { audit },
    });
    await complete(key, 'sandbox/echo');
    await complete(key, 'gpt-4o');
    await trailOf(id, 'usage').toEqual([
      expect.objectContaining({
        action: 'request.refused',
        details: expect.objectContaining({ code: 'model_not_allowed' }) as object,
      }),
    ]);
  });

  it('has each of the types that were asked for, and the changes besides', async () => {
    const { id, key } = await newKey({ access_level: 'inference' });
    await app.call('PATCH', `/v1/keys/${id}`, { body: { name: 'renamed' } });
    await app.call('GET', '/v1/keys', { key });
    await trailOf(id, 'permission_change,security_alert').toHaveLength(3);
    const types = (await eventsOf(id, 'permission_change')).map(({ action }) => action);
    expect(types).toEqual(['key.updated', 'key.created']);
  });
});

function complete(key: string, model: string): Promise<unknown> {
  const body = { model, messages: [{ role: 'user', content: 'Hello' }] };
  return app.call('POST', '/v1/chat/completions', { key, body });
}
