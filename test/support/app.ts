import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';

import { loadEnv } from '#platform/config/env.js';
import { createLogger, type Logger } from '#platform/observability/logger.js';

import { generateKeySecret } from '../../src/modules/keys/domain/key-secret.js';
import { startSystem } from '../../src/system.js';
import { createTestDatabase, type TestDatabase } from './postgres.js';

export type Call = {
  /** The presented key; the master key unless said, none at all for `null`. */
  readonly key?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or the text where it is none. */
  readonly body: unknown;
};

export type TestApp = {
  readonly origin: string;
  readonly masterKey: string;
  readonly databaseUrl: string;
  call(method: string, path: string, call?: Call): Promise<Answer>;
  /** Makes a key and answers its secret. */
  keyWith(fields?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
};

export type TestAppOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Another instance on the database of this one, with its secret key. */
  readonly besides?: TestApp;
  readonly logger?: Logger;
};

const shared = new WeakMap<TestApp, { database: TestDatabase; env: Record<string, string> }>();

/** The whole system in this process, listening on a free port, on a database of its own. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const first = options.besides && shared.get(options.besides);
  const database = first?.database ?? (await createTestDatabase());
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-app-'));
  const masterKey = options.besides?.masterKey ?? generateKeySecret('pr', 'production').reveal();
  const env = first?.env ?? {
    DATABASE_URL: database.url,
    LATCHKEY_SECRET_KEY: randomBytes(32).toString('base64'),
    LATCHKEY_BOOTSTRAP_KEY: masterKey,
    LATCHKEY_ALLOW_PRIVATE_TARGETS: 'true',
    LATCHKEY_SIGNUP_CREDIT: '900000',
    ...options.env,
  };
  const config = loadEnv({ ...env, PORT: '0', LATCHKEY_DATA_DIR: dataDir, ...options.env });
  const logger = options.logger ?? createLogger('error', pino.destination(2));
  const clearAway = async (): Promise<void> => {
    await rm(dataDir, { recursive: true, force: true });
    if (!first) await database.drop();
  };
  const system = await startSystem(config, logger, (reason) => {
    throw new Error(reason);
  }).catch(async (error: unknown) => {
    await clearAway();
    throw error;
  });
  const app: TestApp = {
    origin: system.origin,
    masterKey,
    databaseUrl: database.url,
    call: (method, path, call = {}) => send(system.origin + path, method, masterKey, call),
    keyWith: async (fields = {}) => {
      const made = await app.call('POST', '/v1/keys', { body: { name: 'test', ...fields } });
      if (made.status !== 201) throw new Error(`No key: ${JSON.stringify(made.body)}`);
      return (made.body as { key: string }).key;
    },
    close: async () => {
      await system.stop();
      await clearAway();
    },
  };
  shared.set(app, { database, env });
  return app;
}

async function send(url: string, method: string, masterKey: string, call: Call): Promise<Answer> {
  const key = call.key === undefined ? masterKey : call.key;
  const response = await fetch(url, {
    method,
    headers: {
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...(call.body !== undefined && { 'content-type': 'application/json' }),
      ...call.headers,
    },
    ...(call.body !== undefined && {
      body: typeof call.body === 'string' ? call.body : JSON.stringify(call.body),
    }),
  });
  const text = await response.text();
  const isLines = response.headers.get('content-type') === 'application/x-ndjson';
  return { status: response.status, headers: response.headers, body: isLines ? text : parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The code of an error answer of the OpenAI envelope. */
export function codeOf(answer: Answer): string | undefined {
  return (answer.body as { error?: { code?: string } }).error?.code;
}
