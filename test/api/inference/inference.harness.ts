import { connect, createServer, type AddressInfo } from 'node:net';
import pg from 'pg';
import { pino } from 'pino';
import { expect, vi } from 'vitest';

import { type Answer, type Call, startTestApp, type TestApp } from '../../support/app.js';
import { type FakeUpstream, startFakeUpstream } from '../../support/fake-upstream.js';

export const CHAT = '/v1/chat/completions';
/** Of no shape that a scrubber could know: it is kept out of answers and logs because nobody puts it there. */
export const CREDENTIAL = 'provider-credential-Zr81mQ';
/** What the routed model is called here and there. */
export const MODEL = 'cloud/model';
export const UPSTREAM_MODEL = 'upstream-model';
export const REQUEST_ID = /^req_[0-9A-Za-z]{22}$/;

/** USD per million tokens; the cached price is half of the input's. */
export const PRICE = {
  input_per_million: '0.15',
  output_per_million: '0.6',
  cached_input_per_million: '0.075',
};

export type Timeouts = {
  readonly connect_ms?: number;
  readonly first_byte_ms?: number;
  readonly idle_ms?: number;
  readonly total_ms?: number;
};

/** The gateway, a provider that does what a test says, a live key, and every line that was logged. */
export type Stage = {
  readonly app: TestApp;
  readonly upstream: FakeUpstream;
  readonly key: string;
  readonly logs: string[];
  /** Makes a provider with a route to it and answers the model's name. */
  route(timeouts?: Timeouts, baseUrl?: string): Promise<string>;
  /** Calls the routed model with the live key. */
  chat(fields?: Record<string, unknown>, call?: Call & { path?: string }): Promise<Answer>;
  /** Fails unless an ordinary call gets an ordinary answer. */
  expectAlive(): Promise<void>;
  close(): Promise<void>;
};

export const MESSAGES = [{ role: 'user', content: 'Hello!' }];

export async function startStage(env: Record<string, string> = {}): Promise<Stage> {
  const logs: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => void logs.push(line) });
  const app = await startTestApp({ logger, env });
  const upstream = await startFakeUpstream();
  let routes = 0;
  const route: Stage['route'] = async (timeouts = {}, baseUrl = upstream.baseUrl) => {
    const name = `provider-${++routes}`;
    const provider = await made(app, '/v1/providers', {
      name,
      kind: 'openai-compatible',
      base_url: baseUrl,
      api_key: CREDENTIAL,
      timeouts,
    });
    const model = routes === 1 ? MODEL : `cloud/model-${routes}`;
    await made(app, '/v1/routes', {
      model,
      provider_id: provider.id,
      upstream_model: UPSTREAM_MODEL,
      price: PRICE,
      // Where nobody says it, the provider is told a number.
      max_output_tokens: 16_384,
    });
    return model;
  };
  await route();
  const key = await app.keyWith();
  return {
    app,
    upstream,
    key,
    logs,
    route,
    chat: (fields = {}, { path = CHAT, ...call } = {}) =>
      app.call('POST', path, {
        key,
        body: { model: MODEL, messages: MESSAGES, ...fields },
        ...call,
      }),
    expectAlive: async () => {
      const answer = await app.call('POST', CHAT, {
        key,
        body: { model: 'sandbox/echo', messages: MESSAGES },
      });
      expect(answer.status).toBe(200);
    },
    close: async () => {
      await app.close();
      await upstream.close();
      expect(logs.filter((line) => line.includes(CREDENTIAL))).toEqual([]);
    },
  };
}

async function made(app: TestApp, path: string, body: unknown): Promise<{ id: string }> {
  const answer = await app.call('POST', path, { body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as { id: string };
}

export type ErrorBody = {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly param: string | null;
  readonly request_id: string;
  readonly details?: Record<string, unknown>;
};

/** The error of an answer that must be exactly this refusal, in our envelope and nothing besides. */
export function refusal(answer: Answer, status: number, code: string): ErrorBody {
  const { error, ...rest } = answer.body as { error: ErrorBody };
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  expect(error.code).toBe(code);
  expect(rest).toEqual({});
  const fields = ['message', 'type', 'code', 'param', 'request_id', 'details'];
  expect(fields).toEqual(expect.arrayContaining(Object.keys(error)));
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(answer.headers.get('x-request-id')).toMatch(REQUEST_ID);
  expect(error.request_id).toBe(answer.headers.get('x-request-id'));
  return error;
}

/** What a server sent on a connection of its own until it closed it, or until `isEnough` says so. */
export function exchangeRaw(
  { origin }: TestApp,
  pieces: readonly (string | Buffer)[],
  isEnough: (text: string) => boolean = () => false,
): Promise<{ text: string; closedByServer: boolean }> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    const finish = (closedByServer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, closedByServer });
    };
    const timer = setTimeout(() => finish(false), 5_000);
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (isEnough(text)) finish(false);
    });
    // A reset is a way of closing; what came before it is what counts.
    socket.on('error', () => undefined);
    socket.on('close', () => finish(true));
    for (const piece of pieces) socket.write(piece);
  });
}

/** Reads one HTTP/1.1 answer with a content length. */
export function parseRaw(text: string): Answer {
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  let parsed: unknown = body;
  try {
    parsed = JSON.parse(body);
  } catch {
    // The text is the answer.
  }
  return { status: Number(statusLine.split(' ')[1]), headers, body: parsed };
}

/** A port of the loopback that refuses connections. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function keyIdOf(app: TestApp, key: string): Promise<string> {
  return ((await app.call('GET', '/v1/key', { key })).body as { id: string }).id;
}

/** What the key has used, as it is told itself. */
export async function usageOf(app: TestApp, key: string): Promise<Record<string, number>> {
  const answer = await app.call('GET', '/v1/key', { key });
  return (answer.body as { usage: Record<string, number> }).usage;
}

export type UsageEvent = {
  readonly id: string;
  readonly status: number;
  readonly outcome: string;
  readonly stream: boolean;
  readonly surface: string;
  readonly model: string;
  readonly provider: string;
  readonly upstream_model: string;
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly usage_source: string;
  /** Nano-dollars, as text. */
  readonly cost_nanos: string;
  readonly price_version: string | null;
  readonly first_byte_ms: number | null;
};

/** The key's usage records, oldest first, once there are at least `count`. */
export async function usageEvents(app: TestApp, key: string, count = 1): Promise<UsageEvent[]> {
  const keyId = await keyIdOf(app, key);
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  try {
    return await vi.waitFor(
      async () => {
        const { rows } = await client.query<UsageEvent>(
          'SELECT * FROM usage_events WHERE key_id = $1 ORDER BY occurred_at',
          [keyId],
        );
        expect(rows.length).toBeGreaterThanOrEqual(count);
        return rows;
      },
      { timeout: 3_000, interval: 50 },
    );
  } finally {
    await client.end();
  }
}
