import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';

const MAX_START_MS = 10_000;

export type TestRedis = Readonly<{ url: string; stop: () => Promise<void> }>;

/** Why `startRedis` answers `null`, for the title of what is skipped; `null` when it does not. */
export const WITHOUT_REDIS =
  isGiven(process.env.REDIS_URL) || spawnSync('redis-server', ['--version']).status === 0
    ? null
    : 'there is no REDIS_URL and no redis-server on the PATH';

/** Why `startOwnRedis` can't start one; `null` when it can. */
export const WITHOUT_OWN_REDIS =
  spawnSync('redis-server', ['--version']).status === 0
    ? null
    : 'there is no redis-server on the PATH';

/**
 * The Redis of `REDIS_URL`, or a new one that keeps nothing, on a free port. Specs that share the given one do not hear
 * each other: names of queues and channels come from their databases.
 */
export async function startRedis(): Promise<TestRedis | null> {
  const given = process.env.REDIS_URL;
  if (isGiven(given)) return { url: given, stop: () => Promise.resolve() };
  return WITHOUT_REDIS === null ? startOwnRedis() : null;
}

/** A Redis to which bad things may be done. */
export type OwnRedis = TestRedis &
  Readonly<{
    /** It is gone, with all that it has not saved. */
    kill: () => Promise<void>;
    /** It comes back on the same port, with what it has saved by `SAVE`. */
    start: () => Promise<void>;
    command: (name: string, ...args: string[]) => Promise<unknown>;
  }>;

export async function startOwnRedis(): Promise<OwnRedis> {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-redis-'));
  const options = { port, bind: '127.0.0.1', dir: directory, save: '', appendonly: 'no' };
  const url = `redis://127.0.0.1:${port}`;
  let server: ChildProcess;
  // A test run that is cut short leaves nothing behind.
  const killServer = (): void => void server.kill('SIGKILL');
  process.once('exit', killServer);
  const start = async (): Promise<void> => {
    server = spawn(
      'redis-server',
      Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: 'ignore' },
    );
    await untilItAnswers(url);
  };
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, 'exit');
    killServer();
    await exited;
  };
  await start();
  return {
    url,
    start,
    kill,
    command: async (name, ...args) => {
      const redis = new Redis(url);
      try {
        return await redis.call(name, ...args);
      } finally {
        redis.disconnect();
      }
    },
    stop: async () => {
      process.off('exit', killServer);
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return address.port;
}

async function untilItAnswers(url: string): Promise<void> {
  const giveUpAt = Date.now() + MAX_START_MS;
  for (;;) {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      return;
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await sleep(25);
    } finally {
      redis.disconnect();
    }
  }
}
