import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { codeOf } from '../../support/app.js';
import { dumpDatabase } from '../../support/database-dump.js';
import {
  answerJson,
  answerStream,
  chunk,
  completion,
  DONE,
  USAGE_CHUNK,
} from '../../support/fake-upstream.js';
import { spellings } from '../../support/secret-spellings.js';
import {
  CHAT,
  CREDENTIAL,
  keyIdOf,
  MODEL,
  type Stage,
  startStage,
} from '../inference/inference.harness.js';
import { details, idOf, inDatabase, list, type Logged } from './request-log.harness.js';

const CAP = 64 * 1024;
const BOTH = { log_requests: true, log_responses: true };

let stage: Stage;
/** May read and delete bodies. */
let manager: string;
let logged: string;
beforeAll(async () => {
  stage = await startStage();
  manager = await keyWith({ export_data: true, delete_data: true }, ['usage:read']);
  logged = await keyWith(BOTH);
});
afterAll(() => stage.close());
beforeEach(() => stage.upstream.behave(answerJson(200, completion())));

function keyWith(access: Record<string, unknown>, scopes = ['inference']): Promise<string> {
  return stage.app.keyWith({ scopes, permissions: { data_access: access } });
}

function saying(content: string, fields: Record<string, unknown> = {}): string {
  return JSON.stringify({ model: MODEL, messages: [{ role: 'user', content }], ...fields });
}

async function callsOf(key: string): Promise<Logged[]> {
  const { app } = stage;
  return (await list(app, `?key_id=${await keyIdOf(app, key)}&limit=200`)).data;
}

describe('the bodies of a call', () => {
  it('are what the client sent and got, to the byte', async () => {
    const { app, upstream } = stage;
    const text = `{ "id": "x",\n "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}, "é": "\\u00e9" }`;
    upstream.behave(answerJson(200, text));
    const body = `${saying('Grüße, 世界')} `;
    const id = idOf(await app.call('POST', CHAT, { key: logged, body }));
    const { has_request_body, has_response_body, ...rest } = await details(app, id, manager);
    expect([has_request_body, has_response_body]).toEqual([true, true]);
    expect(rest).toMatchObject({
      request_body: { content: body, bytes: Buffer.byteLength(body), truncated: false },
      response_body: { content: text, bytes: Buffer.byteLength(text), truncated: false },
    });
    expect((await callsOf(logged))[0]).toMatchObject({ id, has_request_body, has_response_body });
  });

  it.each([
    [{ log_requests: true, log_responses: false }, true, false],
    [{ log_responses: true }, false, true],
    [{ log_requests: false }, false, false],
    [{}, false, false],
  ])('are kept by the policy of the called key alone: %j', async (access, request, response) => {
    const { app } = stage;
    const key = await keyWith(access);
    const answer = await app.call('POST', CHAT, { key, body: saying('kept?') });
    const found = await details(app, idOf(answer), manager);
    expect([found.has_request_body, found.has_response_body]).toEqual([request, response]);
    expect([found.request_body !== null, found.response_body !== null]).toEqual([
      request,
      response,
    ]);
  });

  it('are not kept of a key that nobody said it of, the master key included', async () => {
    const { app } = stage;
    const plain = await app.keyWith();
    for (const key of [plain, app.masterKey]) {
      const answer = await app.call('POST', CHAT, { key, body: saying('not kept') });
      const id = idOf(answer);
      expect(await details(app, id, manager)).toMatchObject({ request_body: null });
      expect(
        await inDatabase(app, 'SELECT 1 FROM request_bodies WHERE request_id = $1', [id]),
      ).toEqual([]);
    }
  });

  it('are kept from the call on before which the key was changed', async () => {
    const { app } = stage;
    const key = await app.keyWith();
    const call = async (): Promise<boolean> => {
      const answer = await app.call('POST', CHAT, { key, body: saying('changed') });
      return (await details(app, idOf(answer), manager)).has_request_body;
    };
    expect(await call()).toBe(false);
    const path = `/v1/keys/${await keyIdOf(app, key)}`;
    const patch = (body: object): Promise<{ status: number }> => app.call('PATCH', path, { body });
    expect((await patch({ permissions: { data_access: BOTH } })).status).toBe(200);
    expect(await call()).toBe(true);
    expect((await patch({ permissions: { data_access: null } })).status).toBe(200);
    expect(await call()).toBe(false);
  });

  it('of a stream are its events as the client got them', async () => {
    const { app, upstream } = stage;
    upstream.behave(
      answerStream([
        chunk({ content: 'He' }),
        chunk({ content: 'llo' }, 'stop'),
        USAGE_CHUNK,
        DONE,
      ]),
    );
    const body = saying('stream', { stream: true });
    const answer = await app.call('POST', CHAT, { key: logged, body });
    const { response_body: kept } = await details(app, idOf(answer), manager);
    expect(answer.body).toContain('[DONE]');
    expect(kept?.content).toBe(answer.body);
  });

  it('of a stream that breaks are what came, and the error event', async () => {
    const { app, upstream } = stage;
    upstream.behave(answerStream([chunk({ content: 'He' })], true));
    const body = saying('break', { stream: true });
    const answer = await app.call('POST', CHAT, { key: logged, body });
    const found = await details(app, idOf(answer), manager);
    expect(found.outcome).toBe('failed');
    expect(found.response_body?.content).toBe(answer.body);
    expect(answer.body).toContain('upstream_error');
  });

  it('of a client that leaves are what it got until then', async () => {
    const { app, upstream } = stage;
    upstream.behave((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'half an answer' }));
    });
    const leaving = new AbortController();
    const response = await fetch(app.origin + CHAT, {
      method: 'POST',
      headers: { authorization: `Bearer ${logged}`, 'content-type': 'application/json' },
      body: saying('leave', { stream: true }),
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    const id = response.headers.get('x-request-id') ?? '';
    await vi.waitFor(async () => {
      const found = await details(app, id, manager);
      expect(found).toMatchObject({ status: 499, outcome: 'aborted' });
      expect(found.response_body?.content).toBe(chunk({ content: 'half an answer' }));
    });
  });

  it('of a call that was refused by the provider are the request alone, and nothing of the provider’s error', async () => {
    const { app, upstream } = stage;
    upstream.behave(answerJson(401, { error: { message: `wrong key ${CREDENTIAL}` } }));
    const answer = await app.call('POST', CHAT, { key: logged, body: saying('refused') });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const found = await details(app, idOf(answer), manager);
    expect(found.request_body?.content).toBe(saying('refused'));
    expect(found.response_body).toBeNull();
  });

  it('of the sandbox are kept as well', async () => {
    const { app } = stage;
    const body = saying('echo me', { model: 'sandbox/echo' });
    const answer = await app.call('POST', CHAT, { key: logged, body });
    const found = await details(app, idOf(answer), manager);
    expect(JSON.parse(found.response_body?.content ?? '')).toEqual(answer.body);
  });

  it('are cut at 64 KiB each, at a whole character', async () => {
    const { app, upstream } = stage;
    const events = Array.from({ length: 40 }, () => chunk({ content: '世'.repeat(1_000) }));
    upstream.behave(answerStream([...events, chunk({}, 'stop'), DONE]));
    const body = saying('世'.repeat(40_000), { stream: true });
    const answer = await app.call('POST', CHAT, { key: logged, body });
    const found = await details(app, idOf(answer), manager);
    for (const [kept, whole] of [
      [found.request_body, body],
      [found.response_body, answer.body as string],
    ] as const) {
      expect(kept).toMatchObject({ bytes: Buffer.byteLength(whole), truncated: true });
      expect(whole.startsWith(kept?.content ?? 'nothing')).toBe(true);
      const bytes = Buffer.byteLength(kept?.content ?? '');
      expect(bytes).toBeLessThanOrEqual(CAP);
      expect(bytes).toBeGreaterThan(CAP - 4);
    }
  });
});

describe('what is kept', () => {
  it('is sealed: nothing of it, and no header, stands in the database in any spelling', async () => {
    const { app, upstream } = stage;
    const [asked, answered, header] = ['asked', 'answered', 'header'].map(
      (name) => `${name}-${randomBytes(12).toString('hex')}`,
    ) as [string, string, string];
    upstream.behave(answerJson(200, completion(answered)));
    const call = { key: logged, body: saying(asked), headers: { 'x-private': header } };
    const id = idOf(await app.call('POST', CHAT, call));
    const found = await details(app, id, manager);
    const read = JSON.stringify([found.request_body, found.response_body]);
    for (const text of [asked, answered]) expect(read).toContain(text);
    for (const text of [header, logged, CREDENTIAL]) expect(read).not.toContain(text);
    const dump = await dumpDatabase(app.databaseUrl);
    const bodies = dump.find(({ table }) => table === 'request_bodies');
    expect(bodies?.rows.length).toBeGreaterThan(1);
    const all = JSON.stringify(dump).toLowerCase();
    for (const text of [asked, answered, header, logged]) {
      for (const form of spellings(text)) expect(all).not.toContain(form.toLowerCase());
    }
  });

  it('does not open in the place of another body', async () => {
    const { app } = stage;
    const call = (text: string): Promise<string> =>
      app.call('POST', CHAT, { key: logged, body: saying(text) }).then(idOf);
    const [one, other] = [await call('one'), await call('other')];
    await details(app, one, manager);
    await inDatabase(
      app,
      `UPDATE request_bodies AS mine SET sealed = their.sealed FROM request_bodies AS their
        WHERE mine.request_id = $1 AND their.request_id = $2 AND mine.kind = their.kind`,
      [one, other],
    );
    const answer = await app.call('GET', `/v1/requests/${one}?include=bodies`, { key: manager });
    expect(answer.status).toBe(500);
    expect((await details(app, other, manager)).request_body?.content).toBe(saying('other'));
  });

  it('is stored late when PostgreSQL does not take it, and no call waits or fails for that', async () => {
    const { app, logs } = stage;
    await inDatabase(app, 'ALTER TABLE request_bodies RENAME TO request_bodies_away');
    const answer = await app.call('POST', CHAT, { key: logged, body: saying('late') });
    expect(answer.status).toBe(200);
    await vi.waitFor(() => {
      expect(logs.some((line) => line.includes('can’t be stored just now'))).toBe(true);
    });
    await inDatabase(app, 'ALTER TABLE request_bodies_away RENAME TO request_bodies');
    await vi.waitFor(
      async () => {
        const { request_body: kept } = await details(app, idOf(answer), manager);
        expect(kept?.content).toBe(saying('late'));
      },
      { timeout: 5_000 },
    );
  });

  it('is gone from all answers when its time is over, though no job has run', async () => {
    const { app } = stage;
    const answer = await app.call('POST', CHAT, { key: logged, body: saying('old') });
    const id = idOf(answer);
    await details(app, id, manager);
    const age = (days: number): Promise<object[]> =>
      inDatabase(
        app,
        `UPDATE request_bodies SET occurred_at = now() - $2 * interval '1 day' WHERE request_id = $1`,
        [id, days],
      );
    await age(29.9);
    expect((await details(app, id, manager)).request_body).not.toBeNull();
    await age(30.1);
    expect(await details(app, id, manager)).toMatchObject({
      has_request_body: false,
      request_body: null,
      response_body: null,
    });
  });
});

describe('reading bodies', () => {
  it.each(['admin', 'management', 'full', 'master'])(
    'needs export_data of the calling key, also of level %s',
    async (access_level) => {
      const { app } = stage;
      const id = idOf(await app.call('POST', CHAT, { key: logged, body: saying('rights') }));
      const reader = await app.keyWith({ access_level });
      const refused = await app.call('GET', `/v1/requests/${id}?include=bodies`, { key: reader });
      expect([refused.status, codeOf(refused)]).toEqual([403, 'operation_not_allowed']);
      const without = await app.call('GET', `/v1/requests/${id}`, { key: reader });
      expect(without.body).toMatchObject({ has_request_body: true, request_body: null });
      const given = { permissions: { data_access: { export_data: true } } };
      await app.call('PATCH', `/v1/keys/${await keyIdOf(app, reader)}`, { body: given });
      expect((await details(app, id, reader)).request_body?.content).toBe(saying('rights'));
    },
  );

  it('is a right that the first master key has, and nobody gets from one who has it not', async () => {
    const { app } = stage;
    const id = idOf(await app.call('POST', CHAT, { key: logged, body: saying('master') }));
    expect((await details(app, id, app.masterKey)).request_body).not.toBeNull();
    const weak = await app.keyWith({ access_level: 'admin' });
    const asked = { name: 'x', permissions: { data_access: { export_data: true } } };
    const refused = await app.call('POST', '/v1/keys', { key: weak, body: asked });
    expect(codeOf(refused)).toBe('escalation_denied');
  });

  it('needs usage:read besides', async () => {
    const { app } = stage;
    const key = await keyWith({ export_data: true });
    const answer = await app.call('GET', '/v1/requests/req_1?include=bodies', { key });
    expect(codeOf(answer)).toBe('insufficient_scope');
  });
});

describe('deleting bodies', () => {
  const remove = (path: string, key = manager): ReturnType<Stage['app']['call']> =>
    stage.app.call('DELETE', `/v1/requests${path}`, { key });

  it('of one call leaves what else is known of it, and can be done again', async () => {
    const { app } = stage;
    const id = idOf(await app.call('POST', CHAT, { key: logged, body: saying('delete') }));
    const before = await details(app, id, manager);
    expect((await remove(`/${id}`)).body).toEqual({ id, deleted: 2 });
    expect((await remove(`/${id}`)).body).toEqual({ id, deleted: 0 });
    expect(
      await inDatabase(app, 'SELECT 1 FROM request_bodies WHERE request_id = $1', [id]),
    ).toEqual([]);
    expect(await details(app, id, manager)).toEqual({
      ...before,
      has_request_body: false,
      has_response_body: false,
      request_body: null,
      response_body: null,
    });
    expect((await remove('/req_0000000000000000000000')).status).toBe(404);
  });

  it('of many takes those of a key before a time, and no others', async () => {
    const { app } = stage;
    const [mine, another] = [await keyWith(BOTH), await keyWith(BOTH)];
    const call = (key: string): Promise<string> =>
      app.call('POST', CHAT, { key, body: saying('many') }).then(idOf);
    const old = await call(mine);
    const foreign = await call(another);
    const { occurred_at } = await details(app, old, manager);
    const before = new Date(Date.parse(occurred_at) + 1_000).toISOString();
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(Date.parse(before)), 3_000);
    const young = await call(mine);
    const key_id = await keyIdOf(app, mine);
    const selected = `?key_id=${key_id}&before=${before}`;
    expect((await remove(selected)).body).toEqual({ deleted: 2, has_more: false });
    const left = await Promise.all(
      [old, foreign, young].map(async (id) => (await details(app, id, manager)).has_request_body),
    );
    expect(left).toEqual([false, true, true]);
    // Of all keys.
    expect((await remove('?before=2020-01-01')).body).toEqual({ deleted: 0, has_more: false });
    const all = (await remove(`?before=${before}`)).body as { deleted: number };
    expect(all.deleted).toBeGreaterThan(1);
    expect((await details(app, young, manager)).has_request_body).toBe(true);
  });

  it('needs delete_data of the calling key, also of an administrator', async () => {
    const { app } = stage;
    const id = idOf(await app.call('POST', CHAT, { key: logged, body: saying('stays') }));
    const admin = await app.keyWith({ access_level: 'admin' });
    for (const path of [`/${id}`, '?before=2026-01-01', '/req_1']) {
      expect(codeOf(await remove(path, admin))).toBe('operation_not_allowed');
    }
    expect((await details(app, id, manager)).has_request_body).toBe(true);
  });

  it.each([
    ['', 'before'],
    ['?before=soon', 'before'],
    ['?before=2019-01-01', 'before'],
    ['?before=2026-01-01&model=m', 'model'],
  ])('refuses %j and names %s', async (query, param) => {
    const answer = await remove(query);
    expect(answer.body).toMatchObject({ error: { code: 'invalid_request', param } });
  });
});
