import { randomBytes } from 'node:crypto';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { newId } from '#common/ids/prefixed-id.js';
import { createLogger } from '#platform/observability/logger.js';

import { generateKeySecret } from '../../../src/modules/keys/domain/key-secret.js';
import { type Answer, codeOf, startTestApp, type TestApp } from '../../support/app.js';
import { dumpDatabase } from '../../support/database-dump.js';

type Key = { readonly id: string; readonly key: string };

const NO_KEY = { valid: false, code: 'invalid_api_key' };
const logged: string[] = [];
let app: TestApp;
let client: pg.Client;
beforeAll(async () => {
  const logger = createLogger('trace', { write: (line) => void logged.push(line) });
  app = await startTestApp({ logger });
  client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await app.close();
});

async function make(fields: Record<string, unknown> = {}): Promise<Key> {
  const made = await app.call('POST', '/v1/keys', { body: { name: 'presented', ...fields } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Key;
}

function verify(body: unknown, key?: string): Promise<Answer> {
  return app.call('POST', '/v1/keys/verify', { body, ...(key !== undefined && { key }) });
}

async function verified(body: unknown, key?: string): Promise<unknown> {
  const answer = await verify(body, key);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body;
}

/** Gives the key to an organization of its own. Nothing of the API makes one yet. */
async function moveAway({ id }: Key): Promise<void> {
  const organization = newId('organization');
  await client.query('INSERT INTO organizations (id, name) VALUES ($1, $2)', [
    organization,
    'Theirs',
  ]);
  await client.query('UPDATE api_keys SET organization_id = $1 WHERE id = $2', [organization, id]);
}

describe('a key that is good', () => {
  it('is answered with what a service needs to know of it', async () => {
    const { id, key } = await make({
      environment: 'staging',
      scopes: ['inference'],
      metadata: { customer: 'c-7' },
      expires_at: '2099-01-01T00:00:00Z',
    });
    expect(await verified({ key })).toEqual({
      valid: true,
      code: null,
      key_id: id,
      name: 'presented',
      environment: 'staging',
      access_level: null,
      scopes: ['inference'],
      expires_at: '2099-01-01T00:00:00.000Z',
      metadata: { customer: 'c-7' },
      requires_signature: false,
      limits: [],
    });
  });

  it('is good also where its scopes, its policy or a read-only level would refuse some request', async () => {
    for (const fields of [
      { access_level: 'read_only' },
      { scopes: ['usage:read'] },
      { permissions: { operations: ['read'] }, restrictions: { ip_whitelist: ['192.0.2.1'] } },
    ]) {
      expect(await verified({ key: (await make(fields)).key })).toMatchObject({ valid: true });
    }
  });

  it('may be verified by a key that can only read keys, also by itself', async () => {
    const { id, key } = await make({ scopes: ['keys:read'] });
    expect(await verified({ key }, key)).toMatchObject({ valid: true, key_id: id });
    expect(await verified({ key: app.masterKey }, key)).toMatchObject({ access_level: 'master' });
  });
});

describe('a key that is not good', () => {
  it('is told by the code of its refusal, as soon as it is so', async () => {
    const { id, key } = await make();
    const path = `/v1/keys/${id}`;
    await verified({ key });
    await app.call('POST', `${path}/disable`, { body: {} });
    expect(await verified({ key })).toEqual({ valid: false, code: 'key_disabled', key_id: id });
    await app.call('POST', `${path}/enable`);
    expect(await verified({ key })).toMatchObject({ valid: true });
    await app.call('DELETE', path);
    expect(await verified({ key })).toEqual({ valid: false, code: 'revoked_api_key', key_id: id });
    const expired = await make();
    await client.query(`UPDATE api_keys SET expires_at = '2020-01-01' WHERE id = $1`, [expired.id]);
    expect(await verified({ key: expired.key })).toEqual({
      valid: false,
      code: 'expired_api_key',
      key_id: expired.id,
    });
  });

  it('of another organization is answered byte for byte as one that was never issued, or is no key', async () => {
    const theirs = await make();
    await moveAway(theirs);
    const theirsRevoked = await make();
    await app.call('DELETE', `/v1/keys/${theirsRevoked.id}`);
    await moveAway(theirsRevoked);
    const issued = (await make()).key;
    const texts = [
      theirs.key,
      theirs.key,
      theirsRevoked.key,
      generateKeySecret('pr', 'production').reveal(),
      `${issued.slice(0, -1)}${issued.endsWith('0') ? '1' : '0'}`,
      ` ${issued}`,
      `Bearer ${issued}`,
      '',
      'x',
      'nul\0 and \ud800',
      'é'.repeat(512),
    ];
    for (const key of texts) {
      for (const request of [{}, { request: { model: 'sandbox/echo' } }]) {
        const response = await fetch(`${app.origin}/v1/keys/verify`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${app.masterKey}`,
            'content-type': 'application/json',
          },
          body: JSON.stringify({ key, ...request }),
        });
        expect([response.status, await response.text()]).toEqual([200, JSON.stringify(NO_KEY)]);
        const changing = ['date', 'x-request-id'];
        const names = [...response.headers].map(([name]) => name);
        expect(names.filter((name) => !changing.includes(name)).toSorted()).toEqual([
          'cache-control',
          'connection',
          'content-length',
          'content-type',
          'keep-alive',
        ]);
      }
    }
  });
});

describe('a key that is to be used for something', () => {
  const policy = {
    permissions: { models: ['sandbox/echo'], features: { vision: false } },
    restrictions: { ip_whitelist: ['203.0.113.0/24'] },
  };

  it.each([
    [{}, null],
    [{ model: 'sandbox/echo', ip: '203.0.113.9', features: ['streaming'] }, null],
    [{ model: 'sandbox/lorem' }, 'model_not_allowed'],
    [{ ip: '198.51.100.1' }, 'ip_not_allowed'],
    [{ features: ['vision'] }, 'feature_not_allowed'],
    [{ method: 'GET', path: '/v1/keys' }, 'insufficient_scope'],
    [{ path: '/v1/nowhere' }, 'not_found'],
    [{ method: 'GET', path: '/health/live' }, null],
  ])('for %j: %s', async (request, code) => {
    const { id, key } = await make(policy);
    const answer = await verified({ key, request });
    expect(answer).toMatchObject({ valid: code === null, code, key_id: id });
    expect(answer).not.toHaveProperty('trace');
    if (code !== null) expect(answer).toEqual({ valid: false, code, key_id: id });
  });

  it('is revoked before all else, also where no key is looked at', async () => {
    const { id, key } = await make(policy);
    await app.call('DELETE', `/v1/keys/${id}`);
    for (const path of ['/health/live', '/nowhere', '/v1/chat/completions']) {
      const answer = await verified({ key, request: { method: 'GET', path } });
      expect(answer).toMatchObject({ valid: false, code: 'revoked_api_key' });
    }
  });
});

describe('POST /v1/keys/verify', () => {
  it('says nothing to a caller without the scope', async () => {
    const weak = await app.keyWith({ scopes: ['keys:write', 'inference'] });
    const { key } = await make();
    const good = await verify({ key }, weak);
    expect([good.status, codeOf(good)]).toEqual([403, 'insufficient_scope']);
    const bad = await verify({ key: 'x' }, weak);
    const said = ({ body }: Answer): unknown =>
      (body as { error: { message: string } }).error.message;
    expect(said(bad)).toBe(said(good));
  });

  it.each([
    [{}, 'key'],
    [{ key: 5 }, 'key'],
    [{ key: null }, 'key'],
    [{ key: ['a'] }, 'key'],
    [{ key: 'x'.repeat(513) }, 'key'],
    [{ key: 'x', consume: true }, 'consume'],
    [{ key: 'x', request: 'x' }, 'request'],
    [{ key: 'x', request: [] }, 'request'],
    [{ key: 'x', request: { ip: 'here' } }, 'request.ip'],
    [{ key: 'x', request: { path: '/%' } }, 'request.path'],
    [{ key: 'x', request: { method: 'FETCH' } }, 'request.method'],
    [{ key: 'x', request: { features: ['fly'] } }, 'request.features[0]'],
    [{ key: 'x', request: { fly: true } }, 'request.fly'],
  ])('%j is a 400 that names %s', async (body, param) => {
    const answer = await verify(body);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
    expect(answer.status).toBe(400);
  });

  it('takes no Idempotency-Key, which would keep the answer', async () => {
    const { id, key } = await make();
    const call = { body: { key }, headers: { 'idempotency-key': 'again' } };
    await app.call('POST', '/v1/keys/verify', call);
    await app.call('DELETE', `/v1/keys/${id}`);
    const { body } = await app.call('POST', '/v1/keys/verify', call);
    expect(body).toMatchObject({ code: 'revoked_api_key' });
  });

  it('neither logs, nor stores, nor answers the key that was presented', async () => {
    const odd = `odd key ${randomBytes(18).toString('hex')}`;
    const unknown = generateKeySecret('pr', 'production').reveal();
    const { key } = await make();
    const answers: string[] = [];
    for (const text of [odd, unknown, key]) {
      for (const body of [{ key: text }, { key: text, request: { ip: 'x' } }, { key: text, x: 1 }])
        answers.push(JSON.stringify((await verify(body)).body));
      answers.push(JSON.stringify((await verify({ key: text.padEnd(513, '_') })).body));
    }
    const unseen = (await make()).key;
    await verified({ key: app.masterKey });
    await client.query('ALTER TABLE api_key_secrets RENAME COLUMN digest TO digest_');
    expect((await verify({ key: unseen })).status).toBe(500);
    await client.query('ALTER TABLE api_key_secrets RENAME COLUMN digest_ TO digest');
    const dump = JSON.stringify(await dumpDatabase(app.databaseUrl));
    for (const secret of [odd, unknown, key, unseen].map((text) => text.slice(8))) {
      expect(answers.filter((text) => text.includes(secret))).toEqual([]);
      expect(logged.filter((line) => line.includes(secret))).toEqual([]);
      expect(dump.includes(secret)).toBe(false);
    }
  });
});
