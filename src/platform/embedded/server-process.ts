/** One PostgreSQL server process: how it is started, told apart from others, found after a crash, and stopped. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import type { Cluster } from './cluster.js';
import { EmbeddedPostgresError } from './embedded-postgres.errors.js';
import { errorCode, identifyProcess, missingIsNull, unseenIsNull } from './process-identity.js';
import { spawnOptions } from './run-program.js';

const POLL_MS = 25;
/** A fast shutdown ends the sessions and writes a checkpoint; an immediate one is a crash that is recovered from. */
const FAST_SHUTDOWN_MS = 30_000;
const IMMEDIATE_SHUTDOWN_MS = 10_000;
const LOG_BYTES_MAX = 10 * 1024 * 1024;
const LOG_TAIL_BYTES = 4096;

/** https://www.postgresql.org/docs/18/runtime-config.html */
const SETTINGS = {
  max_connections: '100',
  shared_buffers: '128MB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Parallel queries need shared memory that small containers don't have (64 MB in /dev/shm).
  max_parallel_workers_per_gather: '0',
  // Failed statements are the application's to log. Here they would fill the disk, and may hold personal data.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_checkpoints: 'off',
};

export type LaunchOptions = Readonly<{
  program: string;
  cluster: Cluster;
  port: number;
  settings: Readonly<Record<string, string>>;
  logFile: string;
}>;

export class ServerProcess {
  /** Resolves with how it ended, once it has. */
  readonly ended: Promise<string>;
  #isRunning = true;

  private constructor(
    private readonly child: ChildProcess,
    private readonly cluster: Cluster,
    private readonly logFile: string,
    private readonly logStart: number,
  ) {
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#isRunning = false;
        resolve(how);
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code ?? '?'}`));
    });
  }

  /**
   * The server is in a session of its own, so that a Ctrl-C in the terminal reaches only us, who stop it after our own
   * work is done. Its log is cut when it has grown beyond 10 MB.
   */
  static async launch(options: LaunchOptions): Promise<ServerProcess> {
    const { program, cluster, port, settings, logFile } = options;
    const log = await open(logFile, 'a', 0o600);
    try {
      if ((await log.stat()).size > LOG_BYTES_MAX) await log.truncate();
      const { size } = await log.stat();
      const effective = {
        ...SETTINGS,
        ...settings,
        listen_addresses: '127.0.0.1',
        port: String(port),
        unix_socket_directories: '',
      };
      const flags = Object.entries(effective).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
      const child = spawn(program, ['-D', cluster.path, ...flags], {
        ...spawnOptions(cluster.account),
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
      });
      return new ServerProcess(child, cluster, logFile, size);
    } finally {
      await log.close();
    }
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The server itself says that it accepts connections, so whoever answers on its port is this server. */
  async isReady(): Promise<boolean> {
    const entry = await readPidFile(this.cluster.path);
    return entry?.pid === this.child.pid && entry?.status === 'ready';
  }

  /** What it has logged, the last 4 KiB at most. */
  async logTail(): Promise<string> {
    const log = await open(this.logFile);
    try {
      const { size } = await log.stat();
      const position = Math.max(this.logStart, size - LOG_TAIL_BYTES);
      const { buffer, bytesRead } = await log.read({
        buffer: Buffer.alloc(LOG_TAIL_BYTES),
        position,
      });
      return buffer.toString('utf8', 0, bytesRead).trim();
    } finally {
      await log.close();
    }
  }

  /** @throws EmbeddedPostgresError when it does not end within about 40 seconds */
  async stop(): Promise<void> {
    for (const [signal, boundMs] of SHUTDOWNS) {
      if (!this.#isRunning) return;
      this.child.kill(signal);
      const bound = AbortSignal.timeout(boundMs);
      await Promise.race([this.ended, once(bound, 'abort')]);
    }
    if (this.#isRunning) throw stuck(this.child.pid);
  }
}

type Shutdown = readonly (readonly [signal: NodeJS.Signals, boundMs: number])[];

const SHUTDOWNS: Shutdown = [
  ['SIGINT', FAST_SHUTDOWN_MS],
  ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
];

function stuck(pid: number | undefined): EmbeddedPostgresError {
  return new EmbeddedPostgresError(`PostgreSQL (process ${pid ?? '?'}) does not stop.`);
}

/**
 * Stops the server that a predecessor of ours left running when it was killed, and removes what a dead one left.
 * Answers the pid of the server that was stopped, or `null`. Only for the holder of the data folder.
 */
export async function clearPredecessor(cluster: Cluster): Promise<number | null> {
  const entry = await readPidFile(cluster.path);
  if (entry === null) return null;
  const { pid } = entry;
  const wasRunning = await isServerOf(pid, cluster.path);
  if (wasRunning) await stopOrphan(pid, cluster.path, SHUTDOWNS);
  for (const session of await listSessions(cluster.path)) {
    await stopOrphan(session, cluster.path, [['SIGQUIT', IMMEDIATE_SHUTDOWN_MS]]);
  }
  // A pid that another program has now would make PostgreSQL believe that it is running already.
  await rm(join(cluster.path, 'postmaster.pid'), { force: true });
  return wasRunning ? pid : null;
}

/**
 * When the server itself is killed, its sessions end as soon as they notice, which a busy one may not for hours; until
 * then the memory that they share keeps a new server from starting. Elsewhere than on Linux that is what it says.
 */
async function listSessions(cluster: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));
  const isOurs = await Promise.all(pids.map(async (pid) => isServerOf(pid, cluster)));
  return pids.filter((_, index) => isOurs[index]);
}

async function stopOrphan(pid: number, cluster: string, signals: Shutdown): Promise<void> {
  for (const [signal, boundMs] of signals) {
    signalIfThere(pid, signal);
    const end = performance.now() + boundMs;
    while (performance.now() < end) {
      if (!(await isServerOf(pid, cluster))) return;
      await sleep(POLL_MS);
    }
  }
  throw stuck(pid);
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** A server and its sessions work in the data directory; elsewhere than on Linux its command line has to do. */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  if ((await identifyProcess(pid)) === null) return false;
  if (process.platform !== 'linux') return (await commandLine(pid)).includes(cluster);
  const [command, workingFolder, data] = await Promise.all([
    readFile(`/proc/${pid}/cmdline`, 'utf8').catch(unseenIsNull),
    stat(`/proc/${pid}/cwd`).catch(unseenIsNull),
    stat(cluster),
  ]);
  const program = command?.split('\0')[0] ?? '';
  return (
    // A session shows a title of its own there: `postgres: …`.
    (program.startsWith('postgres:') || basename(program) === 'postgres') &&
    workingFolder?.ino === data.ino &&
    workingFolder.dev === data.dev
  );
}

async function commandLine(pid: number): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('/bin/ps', [
      '-ww',
      '-o',
      'command=',
      '-p',
      `${pid}`,
    ]);
    return stdout.includes('postgres') ? stdout : '';
  } catch (error) {
    // ps ends with 1 when there is no such process.
    if (errorCode(error) === '1') return '';
    throw error;
  }
}

type PidFile = Readonly<{ pid: number; status: string }>;

/** Lines 1 and 8 of postmaster.pid (PostgreSQL's `miscadmin.h`, LOCK_FILE_LINE_…). */
async function readPidFile(cluster: string): Promise<PidFile | null> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(missingIsNull);
  if (text === null) return null;
  const lines = text.split('\n');
  return { pid: Number(lines[0]), status: lines[7]?.trim() ?? '' };
}
