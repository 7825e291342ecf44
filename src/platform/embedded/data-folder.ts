import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { Secret } from '#common/secret/secret.js';

import { FolderLock } from './folder-lock.js';
import { errorCode } from './process-identity.js';

export { DataFolderInUseError } from './folder-lock.js';

const FOREIGN_SILENCE_MS = 10_000;

/** The folder that everything of an installation lives in. Having one of these means to be its only user. */
export class DataFolder {
  private constructor(
    /** Absolute. */
    readonly path: string,
    /** True when this claim created the folder: only then its mode is ours to choose. */
    readonly isNew: boolean,
    private readonly lock: FolderLock,
  ) {}

  /**
   * Creates the folder when it isn't there (mode 0700) and locks it. The lock of a process that has died is taken over
   * by exactly one of any number of racing starters; one held on another machine or in another container is watched
   * for up to 10 seconds (`foreignSilenceMs`) before it counts as dead.
   * @throws DataFolderInUseError
   */
  static async claim(
    path: string,
    { foreignSilenceMs = FOREIGN_SILENCE_MS }: { foreignSilenceMs?: number } = {},
  ): Promise<DataFolder> {
    const absolute = resolve(path);
    await mkdir(dirname(absolute), { recursive: true });
    const isNew = await makeFolder(absolute);
    return new DataFolder(absolute, isNew, await FolderLock.claim(absolute, foreignSilenceMs));
  }

  /** `null` when there is no such file. `name` is a plain file name. */
  async readSecretFile(name: string): Promise<Secret | null> {
    try {
      return new Secret((await readFile(join(this.path, name), 'utf8')).trimEnd());
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null;
      throw error;
    }
  }

  /** Mode 0600. After a crash at any moment the file holds the old or the new value, whole. */
  async writeSecretFile(name: string, value: Secret): Promise<void> {
    const temporary = join(this.path, `${name}.${randomUUID()}`);
    try {
      const handle = await open(temporary, 'wx', 0o600);
      try {
        await handle.writeFile(`${value.reveal()}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, join(this.path, name));
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(this.path);
  }

  async release(): Promise<void> {
    await this.lock.release();
  }
}

/** Makes the names in a folder durable: without it a rename may be undone by a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}
