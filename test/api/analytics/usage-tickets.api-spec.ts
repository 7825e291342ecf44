import pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createLogger } from '#platform/observability/logger.js';

import { codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { SocketClient } from '../../support/live-clients.js';
import { type SigningKey, signedHeaders } from '../../support/signer.js';

const lines: string[] = [];
let app: TestApp;
let other: TestApp;
let watched: string;
let admin: pg.Client;
beforeAll(async () => {
  const logger = createLogger('trace', { write: (line) => void lines.push(line) });
  app = await startTestApp({ logger });
  other = await startTestApp({ besides: app, logger: pino({ level: 'silent' }) });
  const made = await app.call('POST', '/v1/keys', { body: { name: 'watched' } });
  watched = (made.body as { id: string }).id;
  admin = new pg.Client({ connectionString: app.databaseUrl });
  await admin.connect();
});
afterAll(async () => {
  await admin.end();
  await other.close();
  await app.close();
});

async function ticketOf(key?: string, of = watched): Promise<string> {
  const issued = await app.call('POST', `/v1/keys/${of}/usage/tickets`, { ...(key && { key }) });
  expect(issued.status).toBe(201);
  const { ticket, expires_at: expiresAt } = issued.body as { ticket: string; expires_at: string };
  expect(ticket).toMatch(/^lkt_[0-9A-Za-z]{43}$/);
  expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(30_000);
  return ticket;
}

const refused = (ticket: string, keyId = watched, headers = {}) =>
  SocketClient.refused(other.origin, keyId, { query: { ticket }, headers });
const INVALID = { status: 401, code: 'invalid_api_key' };

describe('a ticket', () => {
  it('opens its stream once, on any instance', async () => {
    const ticket = await ticketOf();
    const client = await SocketClient.listen(other.origin, watched, { query: { ticket } });
    expect(await refused(ticket)).toMatchObject(INVALID);
    await client.leave();
  });

  it('opens one stream of many that try at once', async () => {
    const ticket = await ticketOf();
    const clients = Array.from({ length: 10 }, (_, number) =>
      SocketClient.connect((number % 2 ? app : other).origin, watched, { query: { ticket } }),
    );
    const outcomes = await Promise.all(
      clients.map(
        (client) =>
          new Promise((resolve) => {
            client.socket.once('open', () => resolve('open'));
            client.socket.once('unexpected-response', (_, { statusCode }) => resolve(statusCode));
          }),
      ),
    );
    expect(outcomes.toSorted()).toEqual([...Array<number>(9).fill(401), 'open']);
    for (const { socket } of clients) socket.terminate();
  });

  it('opens no other stream, and is used up by the try', async () => {
    const made = await app.call('POST', '/v1/keys', { body: { name: 'other' } });
    const ticket = await ticketOf();
    expect(await refused(ticket, (made.body as { id: string }).id)).toMatchObject(INVALID);
    expect(await refused(ticket)).toMatchObject(INVALID);
  });

  it('is good for a minute, and then swept away', async () => {
    const ticket = await ticketOf();
    await admin.query("UPDATE access_tickets SET expires_at = now() - interval '1 ms'");
    expect(await refused(ticket)).toMatchObject(INVALID);
    await Promise.all([ticketOf(), ticketOf()]);
    await admin.query("UPDATE access_tickets SET expires_at = now() - interval '1 ms'");
    await ticketOf();
    const left = await admin.query('SELECT expires_at > now() AS "isGood" FROM access_tickets');
    expect(left.rows).toEqual([{ isGood: true }]);
  });

  it('may not be guessed: a try counts as a failed authentication', async () => {
    const address = { 'x-forwarded-for': '198.51.100.9' };
    const third = await startTestApp({
      besides: app,
      env: { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' },
    });
    const tries: number[] = [];
    for (let at = 0; at < 61; at++) {
      const query = { ticket: `lkt_${'x'.repeat(43)}` };
      const answer = await SocketClient.refused(third.origin, watched, { query, headers: address });
      tries.push(answer.status);
    }
    expect(new Set(tries.slice(0, 60))).toEqual(new Set([401]));
    expect(tries[60]).toBe(429);
    await third.close();
  });

  it('is held to what its key is held to when it is used', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: {
        name: 'pages',
        scopes: ['usage:read'],
        security: { network_restrictions: { allowed_origins: ['https://app.example.com'] } },
      },
    });
    const { id, key } = made.body as { id: string; key: string };
    const issue = async (): Promise<string> => {
      const path = `/v1/keys/${watched}/usage/tickets`;
      const headers = { origin: 'https://app.example.com' };
      const issued = await app.call('POST', path, { key, headers });
      return (issued.body as { ticket: string }).ticket;
    };
    const elsewhere = { origin: 'https://evil.example' };
    expect(await refused(await issue(), watched, elsewhere)).toMatchObject({
      status: 403,
      code: 'origin_not_allowed',
    });
    const headers = { origin: 'https://app.example.com' };
    const query = { ticket: await issue() };
    const client = await SocketClient.listen(other.origin, watched, { query, headers });
    await client.leave();
    const late = await issue();
    await app.call('DELETE', `/v1/keys/${id}`);
    expect(await refused(late, watched, headers)).toMatchObject({ code: 'revoked_api_key' });
  });

  it('of a key that must sign is got by signing', async () => {
    const made = await app.call('POST', '/v1/keys', {
      body: {
        name: 'signs',
        scopes: ['usage:read'],
        security: { authentication: { require_signature: true } },
      },
    });
    const signing = made.body as SigningKey;
    const { key } = signing;
    const path = `/v1/keys/${watched}/usage/tickets`;
    expect(codeOf(await app.call('POST', path, { key }))).toBe('signature_required');
    expect(await SocketClient.refused(app.origin, watched, { key })).toMatchObject({
      code: 'signature_required',
    });
    const headers = signedHeaders(signing, { method: 'POST', url: app.origin + path });
    const issued = await app.call('POST', path, { key: null, headers });
    const { ticket } = issued.body as { ticket: string };
    const byTicket = await SocketClient.listen(other.origin, watched, { query: { ticket } });
    const url = `${app.origin}/v1/keys/${watched}/usage/stream`;
    const signed = signedHeaders(signing, { method: 'GET', url });
    const bySignature = await SocketClient.listen(app.origin, watched, { headers: signed });
    await Promise.all([byTicket.leave(), bySignature.leave()]);
  });

  it('is no key anywhere else', async () => {
    const ticket = await ticketOf();
    const path = `/v1/keys/${watched}/usage/events?ticket=${ticket}`;
    expect(codeOf(await app.call('GET', path, { key: null }))).toBe('missing_api_key');
    expect(codeOf(await app.call('GET', '/v1/key', { key: ticket }))).toBe('invalid_api_key');
    const authorization = { authorization: `Bearer ${app.masterKey}` };
    expect(await refused(ticket, watched, authorization)).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
  });

  it('is not issued for a key of nobody, nor to a key without the scope', async () => {
    const unknown = await app.call('POST', '/v1/keys/key_x/usage/tickets');
    expect([unknown.status, codeOf(unknown)]).toEqual([404, 'not_found']);
    const key = await app.keyWith({ scopes: ['keys:read'] });
    const path = `/v1/keys/${watched}/usage/tickets`;
    expect(codeOf(await app.call('POST', path, { key }))).toBe('insufficient_scope');
  });

  it('stands neither in a log line nor in the database', async () => {
    const ticket = await ticketOf();
    const path = `/v1/keys/${watched}/usage/stream?ticket=${ticket}`;
    expect((await app.call('GET', path, { key: null })).status).toBe(400);
    expect((await app.call('GET', `/nothing?ticket=${ticket}`)).status).toBe(404);
    expect((await app.call('GET', `/v1/nothing/${ticket}`)).status).toBe(404);
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.join('')).not.toContain(ticket.slice(-20));
    const stored = await admin.query('SELECT t::text AS row FROM access_tickets AS t');
    expect(JSON.stringify(stored.rows)).not.toContain(ticket.slice(-20));
  });
});
