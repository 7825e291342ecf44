/** The product as its operators run it: built, in a process of its own, which can be killed, stopped and continued. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { DataFolder } from '#platform/embedded/data-folder.js';
import { EmbeddedPostgres } from '#platform/embedded/embedded-postgres.js';
import { clearPredecessor } from '#platform/embedded/server-process.js';

import { generateKeySecret } from '../../src/modules/keys/domain/key-secret.js';

/** Where `dist/` is, beside the package.json that resolves its `#…` imports. */
export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

const MAX_START_MS = 60_000;
const MAX_OUTPUT_CHARACTERS = 1_000_000;
/** A worker names the address of its health check. */
const GREETING = /^Latchkey(?:’s worker)? is up: (http:\/\/[^\s/]+)/m;

const running = new Set<GatewayProcess>();
const folders = new Set<string>();
// A test run that is cut short leaves no gateway behind.
process.on('exit', () => {
  for (const gateway of running) gateway.signal('SIGKILL');
});

export type Ending = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** What the instances of one installation have in common. */
export type Installation = {
  readonly masterKey: string;
  readonly env: Readonly<Record<string, string>>;
};

/** @param databaseUrl absent: each instance has the embedded database of its data folder */
export function newInstallation(databaseUrl?: string, redisUrl?: string): Installation {
  const masterKey = generateKeySecret('pr', 'production').reveal();
  return {
    masterKey,
    env: {
      LATCHKEY_BOOTSTRAP_KEY: masterKey,
      LATCHKEY_ALLOW_PRIVATE_TARGETS: 'true',
      LATCHKEY_SIGNUP_CREDIT: '900000',
      ...(databaseUrl !== undefined && {
        DATABASE_URL: databaseUrl,
        LATCHKEY_SECRET_KEY: randomBytes(32).toString('base64'),
      }),
      ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
    },
  };
}

/**
 * The path of a data folder that the product is going to make. A later test run clears away what a killed one has left
 * under this prefix, its PostgreSQL included.
 */
export function newDataFolder(): string {
  const path = join(tmpdir(), `latchkey-test-${randomBytes(6).toString('hex')}`);
  folders.add(path);
  return path;
}

export type GatewayOptions = {
  readonly dataFolder?: string;
  /** Over the installation's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another build than the repository's. */
  readonly build?: string;
  /** In a process group of its own, as under a terminal. */
  readonly leadsGroup?: boolean;
};

export class GatewayProcess {
  readonly dataFolder: string;
  readonly ended: Promise<Ending>;
  readonly spawnedAt = performance.now();
  readonly #child: ChildProcess;
  #output = '';
  #origin: string | null = null;
  #ending: Ending | null = null;

  constructor(
    readonly installation: Installation,
    options: GatewayOptions = {},
  ) {
    this.dataFolder = options.dataFolder ?? newDataFolder();
    this.#child = spawn(process.execPath, [join(options.build ?? REPOSITORY, 'dist/src/main.js')], {
      cwd: tmpdir(),
      detached: options.leadsGroup ?? false,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Nothing of the developer's own settings.
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        LATCHKEY_DATA_DIR: this.dataFolder,
        ...installation.env,
        ...options.env,
      },
    });
    running.add(this);
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        this.#ending = { code, signal };
        running.delete(this);
        resolve(this.#ending);
      });
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-MAX_OUTPUT_CHARACTERS);
        this.#origin ??= GREETING.exec(this.#output)?.[1] ?? null;
      });
    }
  }

  static async start(installation: Installation, options?: GatewayOptions) {
    const gateway = new GatewayProcess(installation, options);
    await gateway.ready();
    return gateway;
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('The gateway was never spawned.');
    return pid;
  }

  /** Log lines and the welcome, standard output and error as they came; the last million characters. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.#ending === null;
  }

  /** `http://127.0.0.1:<port>`, once it is ready. */
  get origin(): string {
    if (this.#origin === null) throw new Error('The gateway is not ready.');
    return this.#origin;
  }

  /** Resolves when it says that it is up; rejects with what it said when it ends first. */
  async ready(): Promise<void> {
    const giveUpAt = performance.now() + MAX_START_MS;
    while (this.#origin === null) {
      if (this.#ending) {
        const how = JSON.stringify(this.#ending);
        throw new Error(`The gateway ended before it was ready, ${how}:\n${this.#output}`);
      }
      if (performance.now() > giveUpAt) throw new Error(`Not ready in time:\n${this.#output}`);
      await sleep(5);
    }
  }

  /** @param to its whole process group, or itself alone */
  signal(signal: NodeJS.Signals, to: 'group' | 'itself' = 'itself'): void {
    if (to === 'itself') this.#child.kill(signal);
    else process.kill(-this.pid, signal);
  }

  async end(signal: NodeJS.Signals, to?: 'group' | 'itself'): Promise<Ending> {
    if (this.isRunning) this.signal(signal, to);
    return this.ended;
  }

  /** A JSON call, with the master key unless another is given. */
  async call(method: string, path: string, body?: unknown, key = this.installation.masterKey) {
    const response = await fetch(this.origin + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: JSON.parse(await response.text()) as unknown };
  }
}

/** Runs `work` on the embedded database of a data folder that no gateway uses, started and stopped for it. */
export async function withEmbeddedDatabase<T>(
  dataFolder: string,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const folder = await DataFolder.claim(dataFolder);
  const logger = { info: (): void => undefined, warn: (): void => undefined };
  const server = await EmbeddedPostgres.start({ folder, logger });
  try {
    return await work(server.url.reveal());
  } finally {
    await server.stop();
    await folder.release();
  }
}

/** Ends the gateways and embedded databases that tests have left, by their pids, and removes their data folders. */
export async function endGateways(): Promise<void> {
  await Promise.all([...running].map((gateway) => gateway.end('SIGKILL')));
  for (const path of folders) {
    const cluster = await realpath(join(path, 'postgres')).catch(() => null);
    if (cluster !== null) await clearPredecessor({ path: cluster, account: null });
    // Where the server's user can't enter the folder, the cluster has a home of its own elsewhere.
    const elsewhere = await readlink(join(path, 'postgres')).catch(() => null);
    if (elsewhere !== null) await rm(dirname(elsewhere), { recursive: true, force: true });
    await rm(path, { recursive: true, force: true, maxRetries: 5 });
  }
  folders.clear();
}
