// @ts-check
/** Starts the built product on an empty data folder and sets it up over its own API, as a customer would. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { request } from 'undici';

import { listen } from './child.mjs';
import { cpuMicros, cpuMicrosOfEach, descendantsOf, hasProc, startTicks } from './cpu.mjs';
import { isRunning, stopProcess } from './processes.mjs';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
export const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** As shipped: `node`, its flags, and the program. */
const [, ...START] = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).scripts[
  'start:prod'
].split(' ');
/** The flags of Node that Latchkey is shipped with. */
export const NODE_FLAGS = START.slice(0, -1);
const READY_TIMEOUT_MS = 90_000;
const POLL_MS = 100;
const CALL_TIMEOUT_MS = 10_000;
const MAX_LOG_CHARACTERS = 16 * 1024;
/** USD; the default organization's own credit would be used up within seconds. */
const CREDIT = 100_000;
/** What a child needs of our environment; `DATABASE_URL` and provider keys of the caller must not leak in. */
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];

export const BENCH_MODEL = 'bench-model';

/**
 * @typedef {object} Gateway
 * @property {number} pid
 * @property {number} port
 * @property {string} masterKey
 * @property {() => Promise<number>} cpuMicros
 * @property {() => Map<number, number>} databaseCpuMicros by process; empty without `/proc`
 * @property {() => Promise<number>} exchanges round trips to the store of limits
 * @property {() => string} logTail the last of what it logged
 */

/** A key of the documented format: 26 random characters, then the CRC-32 of all before in base62. */
export function newMasterKey() {
  const random = Array.from({ length: 26 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  const head = `pr-live-${random}`;
  let rest = crc32(Buffer.from(head, 'ascii'));
  let checksum = '';
  for (; rest > 0; rest = Math.floor(rest / 62)) checksum = `${ALPHABET[rest % 62]}${checksum}`;
  return head + checksum.padStart(6, '0');
}

/** A port that was free a moment ago. */
async function freePort() {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * @param {{ role: string, env: Record<string, string> }} options
 * @param {import('./processes.mjs').Cleanups} cleanups
 * @param {string} [folder] of the build
 * @returns {Promise<Gateway>}
 */
export async function startLatchkey({ role, env }, cleanups, folder = ROOT) {
  const home = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  // Traversable, so that an unprivileged PostgreSQL finds its data below it when the bench runs as root.
  chmodSync(home, 0o711);
  const dataDir = join(home, 'data');
  cleanups.add(() => rmSync(home, { recursive: true, force: true, maxRetries: 10 }));
  const port = await freePort();
  const masterKey = env.LATCHKEY_BOOTSTRAP_KEY ?? newMasterKey();
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const child = spawn(process.execPath, START, {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...Object.fromEntries(inherited),
      NODE_ENV: 'production',
      PORT: String(port),
      LATCHKEY_ROLE: role,
      LATCHKEY_DATA_DIR: dataDir,
      LATCHKEY_BOOTSTRAP_KEY: masterKey,
      LATCHKEY_LOG_LEVEL: 'warn',
      LATCHKEY_ALLOW_PRIVATE_TARGETS: 'true',
      ...env,
    },
  });
  const family = new Family(child);
  cleanups.add(() => family.stop());
  const log = keepLog(child);
  await untilReady(port, child, log);
  family.descendants();
  const pid = /** @type {number} */ (child.pid);
  return {
    pid,
    port,
    masterKey,
    cpuMicros: () => (hasProc ? Promise.resolve(cpuMicros(pid)) : metricCpuMicros(port, masterKey)),
    databaseCpuMicros: () => cpuMicrosOfEach(family.descendants()),
    exchanges: () => metric(port, masterKey, 'latchkey_limits_store_exchanges_total'),
    logTail: () => log.text,
  };
}

/**
 * Latchkey and the processes below it. One that is killed, or dies, leaves its embedded PostgreSQL behind, and then
 * nothing tells whose child that was; so they are remembered while they can be seen.
 */
class Family {
  /** pid → when it began. @type {Map<number, string | undefined>} */
  #seen = new Map();

  /** @param {import('node:child_process').ChildProcess} child */
  constructor(child) {
    this.child = child;
  }

  /** @returns {Set<number>} empty without `/proc` */
  descendants() {
    if (!hasProc || this.child.pid === undefined || !isRunning(this.child)) return new Set();
    const pids = descendantsOf(this.child.pid);
    this.#seen = new Map([...pids].map((pid) => [pid, startTicks(pid)]));
    return pids;
  }

  async stop() {
    this.descendants();
    await stopProcess(this.child);
    for (const [pid, start] of this.#seen) {
      if (start !== undefined && startTicks(pid) === start) killIfThere(pid);
    }
  }
}

/** @param {number} pid */
function killIfThere(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** @param {import('node:child_process').ChildProcess} child */
function keepLog(child) {
  const log = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      log.text = (log.text + text).slice(-MAX_LOG_CHARACTERS);
    });
  }
  return log;
}

/**
 * @param {number} port
 * @param {import('node:child_process').ChildProcess} child
 * @param {{ text: string }} log
 */
async function untilReady(port, child, log) {
  const until = performance.now() + READY_TIMEOUT_MS;
  while (performance.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`Latchkey ended before it was ready\n${log.text}`);
    }
    if (await isReady(port)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`Latchkey was not ready after ${READY_TIMEOUT_MS / 1000} s\n${log.text}`);
}

/** @param {number} port */
async function isReady(port) {
  try {
    return (await call(port, '/health/ready')).status === 200;
  } catch {
    // Nobody listens yet; the caller's deadline bounds how long that is believed.
    return false;
  }
}

/**
 * @param {number} port
 * @param {string} path
 * @param {{ method?: 'GET' | 'POST', key?: string, body?: unknown }} [options]
 * @returns {Promise<{ status: number, text: string }>}
 */
async function call(port, path, { method = 'GET', key, body } = {}) {
  const answer = await request(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    headersTimeout: CALL_TIMEOUT_MS,
    bodyTimeout: CALL_TIMEOUT_MS,
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

/**
 * @param {Gateway} gateway
 * @param {string} path
 * @param {unknown} body
 */
function post({ port, masterKey }, path, body) {
  return call(port, path, { method: 'POST', key: masterKey, body });
}

/**
 * @param {Gateway} gateway
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<any>}
 */
async function create(gateway, path, body) {
  const { status, text } = await post(gateway, path, body);
  if (status !== 201) throw new Error(`POST ${path}: HTTP ${status}: ${text}`);
  return JSON.parse(text);
}

/**
 * A provider that is the stub, a priced route to it, credit to pay with, a key restricted to that model, one with a great many
 * rules, one with a great many limits, and one whose every request is audited.
 *
 * @param {Gateway} gateway
 * @param {number} stubPort
 * @param {{ restricted: object, limited: object }} policies of the restricted key, and of the limited one
 * @returns {Promise<{ plain: string, restricted: string, limited: string, audited: string }>} the keys
 */
export async function provision(gateway, stubPort, policies) {
  const provider = await create(gateway, '/v1/providers', {
    name: 'bench-upstream',
    kind: 'openai-compatible',
    base_url: `http://127.0.0.1:${stubPort}/v1`,
    api_key: 'sk-upstream-bench',
  });
  await create(gateway, '/v1/routes', {
    model: BENCH_MODEL,
    provider_id: provider.id,
    upstream_model: BENCH_MODEL,
    price: { input_per_million: '2.5', output_per_million: '10' },
  });
  const plain = await create(gateway, '/v1/keys', {
    name: 'bench',
    permissions: { models: [BENCH_MODEL] },
  });
  const restricted = await create(gateway, '/v1/keys', {
    name: 'restricted',
    ...policies.restricted,
  });
  const limited = await create(gateway, '/v1/keys', { name: 'limited', ...policies.limited });
  const audited = await create(gateway, '/v1/keys', {
    name: 'audited',
    permissions: { models: [BENCH_MODEL] },
    security: { audit: { log_all_requests: true } },
  });
  const budget = { scope: 'key', scope_id: limited.id, window: 'weekly', limit: 1_000_000 };
  const { port, masterKey } = gateway;
  const put = await call(port, '/v1/budgets', { method: 'PUT', key: masterKey, body: budget });
  if (put.status !== 200) throw new Error(`PUT /v1/budgets: HTTP ${put.status}: ${put.text}`);
  const grant = await post(gateway, '/v1/credits/grants', { amount: CREDIT, reason: 'bench' });
  // A build without billing has no such route and charges nothing.
  if (grant.status !== 201 && grant.status !== 404) {
    throw new Error(`POST /v1/credits/grants: HTTP ${grant.status}: ${grant.text}`);
  }
  return {
    plain: plain.key,
    restricted: restricted.key,
    limited: limited.key,
    audited: audited.key,
  };
}

/**
 * @param {number} port
 * @param {string} masterKey
 */
async function metricCpuMicros(port, masterKey) {
  return (await metric(port, masterKey, 'process_cpu_seconds_total')) * 1e6;
}

/**
 * @param {number} port
 * @param {string} masterKey
 * @param {string} name
 */
async function metric(port, masterKey, name) {
  const { text } = await call(port, '/metrics', { key: masterKey });
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`/metrics has no ${name}`);
  return Number(value);
}
