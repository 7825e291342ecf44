/**
 * An exclusive lock on a folder that outlives no process: files `latchkey.lock.<n>`, of which the one with the highest
 * number counts. A claim is the atomic creation (link(2)) of the next number, so of any number of racing starters
 * exactly one wins, also when all of them have found the same dead holder. A number is removed only after a higher one
 * exists; whoever comes late and creates a removed number again sees that it isn't the highest, and withdraws.
 */
import { randomUUID } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { errorCode, identifyProcess, missingIsNull, pidScope } from './process-identity.js';

const FILE = /^latchkey\.lock\.(\d{1,15})$/;
const MAX_ATTEMPTS = 20;
const BEAT_MS = 1000;
const WATCH_STEP_MS = 250;

type LockRecord = {
  readonly pid: number;
  readonly startTicks: string | null;
  readonly scope: string;
  readonly host: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly released: boolean;
};

/** Another process holds the folder, or this one does already. */
export class DataFolderInUseError extends Error {
  constructor(
    readonly path: string,
    readonly holder: Readonly<{ pid: number; host: string; since: string }>,
  ) {
    super(
      `The data folder ${path} is in use by process ${holder.pid} on ${holder.host}, since ${holder.since}. ` +
        'Stop that process first, or set LATCHKEY_DATA_DIR to another folder.',
    );
    this.name = 'DataFolderInUseError';
  }
}

export class FolderLock {
  readonly #beat: NodeJS.Timeout;

  private constructor(
    private readonly folder: string,
    private readonly file: string,
    private readonly record: LockRecord,
  ) {
    // For holders that can't be judged by their pid from where the starter runs: another machine or container.
    this.#beat = setInterval(() => void touch(file), BEAT_MS).unref();
  }

  /**
   * @param foreignSilenceMs how long a holder on another machine or in another container must show no sign of life
   * before it counts as dead
   * @throws DataFolderInUseError
   */
  static async claim(folder: string, foreignSilenceMs: number): Promise<FolderLock> {
    const self = await identifyProcess(process.pid);
    const record: LockRecord = {
      pid: process.pid,
      startTicks: self?.startTicks ?? null,
      scope: await pidScope(),
      host: hostname(),
      since: new Date().toISOString(),
      released: false,
    };
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const current = await highest(folder);
      await refuseLiveHolder(folder, current, record.scope, foreignSilenceMs);
      const file = lockFile(folder, current + 1);
      if (!(await createOnce(folder, file, record))) continue;
      if ((await highest(folder)) === current + 1) {
        await removeBelow(folder, current + 1);
        return new FolderLock(folder, file, record);
      }
      await rm(file, { force: true });
    }
    throw new Error(`The data folder ${folder} can't be locked: too many processes try at once.`);
  }

  /** The file stays, so that numbers never start again, but it says that nobody holds the folder. */
  async release(): Promise<void> {
    clearInterval(this.#beat);
    const temporary = await writeTemporary(this.folder, { ...this.record, released: true });
    await rename(temporary, this.file);
  }
}

async function refuseLiveHolder(
  folder: string,
  current: number,
  scope: string,
  foreignSilenceMs: number,
): Promise<void> {
  if (current === 0) return;
  const file = lockFile(folder, current);
  const holder = await readRecord(file);
  if (holder === null || holder.released) return;
  const isLive =
    holder.scope === scope
      ? await isSameProcess(holder)
      : await beatsWithin(file, foreignSilenceMs);
  if (isLive) throw new DataFolderInUseError(folder, holder);
}

async function isSameProcess(holder: LockRecord): Promise<boolean> {
  const found = await identifyProcess(holder.pid);
  if (found === null) return false;
  return found.startTicks === null || found.startTicks === holder.startTicks;
}

/** Compares the file's times with each other only, never with a clock: the holder's may differ from ours. */
async function beatsWithin(file: string, silenceMs: number): Promise<boolean> {
  const first = await stat(file).catch(missingIsNull);
  const end = performance.now() + silenceMs;
  while (first !== null && performance.now() < end) {
    await sleep(WATCH_STEP_MS);
    const now = await stat(file).catch(missingIsNull);
    if (now === null) return false;
    if (now.mtimeMs !== first.mtimeMs) return true;
  }
  return false;
}

function lockFile(folder: string, number: number): string {
  return join(folder, `latchkey.lock.${number}`);
}

async function numbers(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => {
    const digits = FILE.exec(name)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
}

async function highest(folder: string): Promise<number> {
  return Math.max(0, ...(await numbers(folder)));
}

async function removeBelow(folder: string, number: number): Promise<void> {
  for (const old of await numbers(folder)) {
    if (old < number) await rm(lockFile(folder, old), { force: true });
  }
}

/** `null`: it has just been removed. What can't be read as a record is judged by its signs of life alone. */
async function readRecord(file: string): Promise<LockRecord | null> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const unknown = { pid: 0, startTicks: null, scope: '', host: 'an unknown host', since: '?' };
  return { ...unknown, released: false, ...parseObject(text) };
}

function parseObject(text: string): Partial<LockRecord> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // Not one of our files; the caller treats every field as unknown.
    return {};
  }
}

async function createOnce(folder: string, file: string, record: LockRecord): Promise<boolean> {
  const temporary = await writeTemporary(folder, record);
  try {
    await link(temporary, file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeTemporary(folder: string, record: LockRecord): Promise<string> {
  const temporary = join(folder, `latchkey.lock.${randomUUID()}`);
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify(record)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}

async function touch(file: string): Promise<void> {
  const now = new Date();
  // A beat that fails is a beat missed: the next one tries again, and a watcher waits for several.
  await utimes(file, now, now).catch(() => undefined);
}
