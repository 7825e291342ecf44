import type { OnModuleInit } from '@nestjs/common';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { randomBase62 } from '#common/ids/prefixed-id.js';

import { MissingObjectError, ObjectExistsError, ObjectStore } from './object-store.port.js';

const IDENTITY_FILE = 'store-id';
const UNFINISHED = '.part';
const ID_LENGTH = 22;
const OWNER_ONLY = 0o600;

/** Objects as files of the data folder, which one process at a time has. */
export class FolderObjectStore extends ObjectStore implements OnModuleInit {
  #location: Promise<string> | null = null;

  /** @param folder made when it is needed, for this user alone */
  constructor(private readonly folder: string) {
    super();
  }

  /** What a process before this one was killed in the middle of. */
  async onModuleInit(): Promise<void> {
    const names = await readdir(this.folder, { recursive: true }).catch(orNone);
    const unfinished = names.filter((name) => name.endsWith(UNFINISHED));
    for (const name of unfinished) await rm(join(this.folder, name), { force: true });
  }

  override get isShared(): boolean {
    return false;
  }

  override location(): Promise<string> {
    return (this.#location ??= this.#identify());
  }

  override async write(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const path = join(this.folder, name);
    const unfinished = `${path}.${randomBase62(ID_LENGTH)}${UNFINISHED}`;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      const file = createWriteStream(unfinished, { flags: 'wx', mode: OWNER_ONLY });
      await pipeline(chunks, file, { signal });
      await synced(unfinished);
      await rename(unfinished, path);
      await synced(dirname(path));
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  override async create(name: string, content: string, signal: AbortSignal): Promise<void> {
    const path = join(this.folder, name);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    try {
      await writeFile(path, content, { flag: 'wx', mode: OWNER_ONLY, flush: true, signal });
    } catch (error) {
      throw isExisting(error) ? new ObjectExistsError(name) : error;
    }
  }

  override async read(name: string): Promise<Readable> {
    try {
      const file = await open(join(this.folder, name));
      return createReadStream('', { fd: file });
    } catch (error) {
      throw isMissing(error) ? new MissingObjectError(name) : error;
    }
  }

  override async delete(name: string): Promise<void> {
    await rm(join(this.folder, name), { force: true });
  }

  async #identify(): Promise<string> {
    const path = join(this.folder, IDENTITY_FILE);
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const made = `folder:${randomBase62(ID_LENGTH)}`;
    try {
      await writeFile(path, made, { flag: 'wx', mode: OWNER_ONLY });
      return made;
    } catch (error) {
      if (!isExisting(error)) throw error;
      return readFile(path, 'utf8');
    }
  }
}

async function synced(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function isExisting(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EEXIST';
}

function orNone(error: unknown): string[] {
  if (isMissing(error)) return [];
  throw error;
}
