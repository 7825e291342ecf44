import { connect } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { startTestApp, type TestApp } from '../../support/app.js';
import { chunk } from '../../support/fake-upstream.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import {
  CHAT,
  MESSAGES,
  MODEL,
  type Stage,
  startStage,
  type UsageEvent,
} from './inference.harness.js';

const SSE = { 'content-type': 'text/event-stream' };
const HELLO = chunk({ content: 'Hello there' });

let stage: Stage;
let elsewhere: TestApp;
beforeAll(async () => {
  stage = await startStage();
  elsewhere = await startTestApp({ besides: stage.app });
});
afterEach(() => stage.expectAlive());
afterAll(async () => {
  await elsewhere.close();
  await stage.close();
});

type Running = {
  /** What the client has so far. */
  readonly text: () => string;
  /** All of it, once the answer has ended. */
  readonly whole: Promise<string>;
};

async function newKey(fields: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
  const made = await stage.app.call('POST', '/v1/keys', { body: { name: 'running', ...fields } });
  expect(made.status).toBe(201);
  return made.body as { id: string; key: string };
}

/** A stream whose provider has said something and goes on for ever. */
async function openStream(key: string, app = stage.app): Promise<Running> {
  stage.upstream.behave((response) => {
    response.writeHead(200, SSE);
    response.write(HELLO);
  });
  const response = await fetch(app.origin + CHAT, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: MODEL, messages: MESSAGES, stream: true }),
  });
  expect(response.status).toBe(200);
  let text = '';
  const whole = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes as Uint8Array);
    return text;
  })();
  await vi.waitFor(() => expect(text).toBe(HELLO));
  return { text: () => text, whole };
}

function codeAfterHello(text: string): string {
  expect(text.startsWith(HELLO)).toBe(true);
  const { error } = JSON.parse(text.slice(HELLO.length + 'data: '.length)) as {
    error: { code: string };
  };
  return error.code;
}

async function recordOf(keyId: string): Promise<UsageEvent> {
  const client = new pg.Client({ connectionString: stage.app.databaseUrl });
  await client.connect();
  try {
    return await vi.waitFor(
      async () => {
        const { rows } = await client.query<UsageEvent>(
          'SELECT * FROM usage_events WHERE key_id = $1',
          [keyId],
        );
        expect(rows).toHaveLength(1);
        return rows[0]!;
      },
      { timeout: 5_000, interval: 50 },
    );
  } finally {
    await client.end();
  }
}

const WAYS = [
  { how: 'revoked', method: 'DELETE', code: 'revoked_api_key' },
  {
    how: 'revoked a little later',
    method: 'DELETE',
    body: { revoke_immediately: false, revoke_after: '1s' },
    code: 'revoked_api_key',
  },
  { how: 'disabled', method: 'POST', path: '/disable', code: 'key_disabled' },
  { how: 'denied the model', body: { permissions: { models: ['x'] } }, code: 'model_not_allowed' },
  {
    how: 'denied streaming',
    body: { permissions: { features: { streaming: false } } },
    code: 'feature_not_allowed',
  },
  {
    how: 'denied the address',
    body: { restrictions: { ip_whitelist: ['192.0.2.1'] } },
    code: 'ip_not_allowed',
  },
  {
    how: 'denied the provider',
    body: { permissions: { routing: { allowed_providers: ['other'] } } },
    code: 'provider_not_allowed',
  },
  { how: 'denied inference', body: { scopes: ['models:read'] }, code: 'insufficient_scope' },
];

describe.each([
  ['the instance that is told', () => stage.app],
  ['another instance', () => elsewhere],
])('a stream that runs on %s', (_, instance) => {
  it.each(WAYS)('is cut when its key is $how, and is paid for', async (way) => {
    const { method = 'PATCH', path = '', body = {}, code } = way;
    const { id, key } = await newKey();
    const { whole } = await openStream(key, instance());
    const aborted = stage.upstream.aborted.length;
    const changed = await stage.app.call(method, `/v1/keys/${id}${path}`, { body });
    expect(changed.status).toBe(200);
    expect(codeAfterHello(await whole)).toBe(code);
    await vi.waitFor(() => expect(stage.upstream.aborted.length).toBe(aborted + 1));
    expect(await recordOf(id)).toMatchObject({ outcome: 'failed', usage_source: 'counted' });
    expect((await recordOf(id)).output_tokens).toBeGreaterThan(0);
  });
});

describe('a call whose body is on its way', () => {
  it.each([
    ['revoked', 'DELETE', {}, 'revoked_api_key'],
    ['denied the model', 'PATCH', { permissions: { models: ['x'] } }, 'model_not_allowed'],
    [
      'denied the address',
      'PATCH',
      { restrictions: { ip_whitelist: ['192.0.2.1'] } },
      'ip_not_allowed',
    ],
  ])('is refused when its key is %s meanwhile', async (_, method, change, code) => {
    const { id, key } = await newKey();
    const { hostname, port } = new URL(stage.app.origin);
    const body = JSON.stringify({ model: MODEL, messages: MESSAGES });
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (bytes) => (text += bytes.toString()));
    socket.write(
      `POST ${CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\nconnection: close\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    const received = stage.upstream.received.length;
    await stage.app.call(method, `/v1/keys/${id}`, { body: change });
    socket.write(body.slice(10));
    await vi.waitFor(() => expect(text).toContain(`"code":"${code}"`));
    expect(stage.upstream.received.length).toBe(received);
  });
});

describe('a call that runs', () => {
  it('is cut when its key expires, also while PostgreSQL is silent', async () => {
    const proxy = await startTcpProxy(stage.app.databaseUrl);
    const behind = await startTestApp({ besides: stage.app, env: { DATABASE_URL: proxy.url } });
    const { key } = await newKey({ expires_at: new Date(Date.now() + 8_000).toISOString() });
    const { whole } = await openStream(key, behind);
    proxy.swallow();
    expect(codeAfterHello(await whole)).toBe('expired_api_key');
    proxy.restore();
    await behind.close();
    await proxy.stop();
  });

  it('is cut when its key expires', async () => {
    const { key } = await newKey({ expires_at: new Date(Date.now() + 1_500).toISOString() });
    const { whole } = await openStream(key);
    expect(codeAfterHello(await whole)).toBe('expired_api_key');
  });

  it('401: is answered so while the provider has said nothing yet', async () => {
    const { id, key } = await newKey();
    const received = stage.upstream.received.length;
    stage.upstream.behave(() => undefined);
    const answer = stage.chat({}, { key });
    await vi.waitFor(() => expect(stage.upstream.received.length).toBe(received + 1));
    await stage.app.call('DELETE', `/v1/keys/${id}`);
    expect((await answer).status).toBe(401);
    expect((await answer).body).toMatchObject({ error: { code: 'revoked_api_key' } });
  });

  it('goes on when its key is changed in a way that still allows it, and when another is revoked', async () => {
    const { id, key } = await newKey();
    const other = await newKey();
    const stream = await openStream(key);
    await stage.app.call('PATCH', `/v1/keys/${id}`, {
      body: { permissions: { models: ['cloud/*'] } },
    });
    await stage.app.call('DELETE', `/v1/keys/${other.id}`);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(stream.text()).toBe(HELLO);
    await stage.app.call('DELETE', `/v1/keys/${id}`);
    expect(codeAfterHello(await stream.whole)).toBe('revoked_api_key');
  });
});
