import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';

const PAGE = 'https://app.example.com';
const CHAT = '/v1/chat/completions';
const BODY = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }] };

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp();
});
afterAll(() => app.close());

function allowed({ headers }: Answer): string | null {
  return headers.get('access-control-allow-origin');
}

function chat(key: string | null, origin: string | null, more: Record<string, unknown> = {}) {
  const { path = CHAT, ...body } = { ...BODY, ...more } as { path?: string };
  return app.call('POST', path, { key, body, headers: { ...(origin !== null && { origin }) } });
}

describe('a preflight', () => {
  it.each([
    ['POST', CHAT],
    ['POST', '/openai/v1/embeddings'],
    ['DELETE', '/v1/keys/key_x'],
    ['GET', '/v1/no-such-route'],
  ])('204: for %s %s, without a key', async (method, path) => {
    const answer = await app.call('OPTIONS', path, {
      key: null,
      headers: {
        origin: PAGE,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,content-type,x-stainless-lang',
      },
    });
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'authorization,content-type,x-stainless-lang',
      'access-control-max-age': '600',
    });
    expect(answer.headers.get('access-control-allow-methods')?.split(', ')).toContain(method);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each([{ origin: PAGE }, { 'access-control-request-method': 'POST' }, {}])(
    'is no other OPTIONS: %j',
    async (headers) => {
      const answer = await app.call('OPTIONS', CHAT, { headers });
      expect(answer.status).toBe(404);
      expect(allowed(answer)).toBeNull();
    },
  );
});

describe('the answer to a call from a page', () => {
  it.each([{}, { stream: true }, { path: `${CHAT}?a=1` }])(
    'may be read by any page where the key is not restricted: %j',
    async (more) => {
      const answer = await chat(await app.keyWith(), PAGE, more);
      expect(answer.status).toBe(200);
      expect(allowed(answer)).toBe('*');
      expect(answer.headers.get('access-control-expose-headers')).toContain('x-request-id');
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    },
  );

  it.each([{}, { stream: true }, { path: `${CHAT}?a=1` }])(
    'may be read by the key’s own pages alone: %j',
    async (more) => {
      for (const restriction of [
        { security: { network_restrictions: { allowed_origins: [PAGE] } } },
        { restrictions: { domains: ['*.example.com'] } },
      ]) {
        const key = await app.keyWith(restriction);
        const own = await chat(key, PAGE, more);
        expect([own.status, allowed(own)]).toEqual([200, PAGE]);
        expect(own.headers.get('vary')).toBe('origin');
        const other = await chat(key, 'https://evil.example.org', more);
        expect([codeOf(other), allowed(other)]).toEqual(['origin_not_allowed', null]);
      }
    },
  );

  it('tells a page of the key’s also what is refused, and no other page', async () => {
    const key = await app.keyWith({
      permissions: { models: ['other'] },
      restrictions: { domains: ['*.example.com'] },
    });
    const own = await chat(key, PAGE);
    expect([codeOf(own), allowed(own)]).toEqual(['model_not_allowed', PAGE]);
    const blocked = await app.keyWith({
      restrictions: { domains: ['*.example.com'], ip_whitelist: ['192.0.2.1'] },
    });
    const refused = await chat(blocked, PAGE);
    expect([codeOf(refused), allowed(refused)]).toEqual(['ip_not_allowed', PAGE]);
    const elsewhere = await chat(blocked, 'https://evil.example.org');
    expect([codeOf(elsewhere), allowed(elsewhere)]).toEqual(['ip_not_allowed', null]);
  });

  it('may be read on management routes too', async () => {
    const key = await app.keyWith({ restrictions: { domains: ['*.example.com'] } });
    const answer = await app.call('GET', '/v1/key', { key, headers: { origin: PAGE } });
    expect([answer.status, allowed(answer)]).toEqual([200, PAGE]);
    const missing = await app.call('GET', '/v1/keys/none', { headers: { origin: PAGE } });
    expect([missing.status, allowed(missing)]).toEqual([404, '*']);
  });

  it('tells a page nothing of a key that must sign until it does', async () => {
    const key = await app.keyWith({
      restrictions: { domains: ['*.example.com'] },
      security: { authentication: { require_signature: true } },
    });
    const unsigned = await chat(key, PAGE);
    expect([codeOf(unsigned), allowed(unsigned)]).toEqual(['signature_required', null]);
  });

  it('says nothing where no key is known, or no page calls', async () => {
    for (const key of [null, 'nonsense']) {
      const answer = await chat(key, PAGE);
      expect([answer.status, allowed(answer)]).toEqual([401, null]);
    }
    const server = await chat(await app.keyWith(), null);
    expect([server.status, allowed(server)]).toEqual([200, null]);
  });
});
