import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { randomBase62 } from '#common/ids/prefixed-id.js';

const ROOT = 'limits';
const CURRENT_FILE = 'current';
const HOLDER_ID = /^hld_[0-9A-Za-z]{22}$/;
const SEGMENT_NAME = /^(\d{12})\.log$/;
const SEGMENT_DIGITS = 12;
/** Longer than a month: none of its leases has a window that is not over. */
const ABANDONED_KEPT_MS = 40 * 86_400_000;

/**
 * On disk: `<data folder>/limits/<holder id>/` with one segment, `000000000007.log`; an older one beside it, or one that
 * ends in `.new`, is left from a crash. `limits/current` names this data folder's holder. Any other folder is of a holder that
 * was given up.
 */
export class JournalFolder {
  readonly directory: string;

  private constructor(
    private readonly root: string,
    readonly holderId: string,
  ) {
    this.directory = join(root, holderId);
  }

  /** `null` when there is none yet, or what names it is damaged. The caller holds the data folder. */
  static findCurrent(dataDir: string): JournalFolder | null {
    const root = join(dataDir, ROOT);
    const holderId = readIfThere(join(root, CURRENT_FILE))?.toString().trim() ?? '';
    return HOLDER_ID.test(holderId) ? new JournalFolder(root, holderId) : null;
  }

  /** Of a new holder. It is the data folder's when it is made current. */
  static create(dataDir: string): JournalFolder {
    const folder = new JournalFolder(join(dataDir, ROOT), `hld_${randomBase62(22)}`);
    mkdirSync(folder.directory, { recursive: true, mode: 0o700 });
    return folder;
  }

  /** Only once it has a segment, so that a holder without one has lost it. */
  becomeCurrent(): void {
    const file = join(this.root, CURRENT_FILE);
    // Renamed into place, so that a crash leaves no half-written name.
    writeFileSync(`${file}.new`, this.holderId, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  /** The newest segment's number; 0 when there is none. */
  newest(): number {
    return Math.max(0, ...namesIn(this.directory).map(numberOf));
  }

  /** `null` when there is no such segment. */
  read(segment: number): { readonly bytes: Buffer; readonly inode: number } | null {
    const path = this.#path(segment);
    const bytes = readIfThere(path);
    return bytes && { bytes, inode: statSync(path).ino };
  }

  /** A file that becomes the newest segment when it is published. */
  draft(segment: number): number {
    const path = `${this.#path(segment)}.new`;
    rmSync(path, { force: true });
    return openSync(path, 'ax', 0o600);
  }

  /** From now on the segment counts, and no other. */
  publish(segment: number): void {
    renameSync(`${this.#path(segment)}.new`, this.#path(segment));
  }

  /** Deletes all but the segment. */
  keepOnly(segment: number): void {
    for (const name of namesIn(this.directory)) {
      if (numberOf(name) !== segment) rmSync(join(this.directory, name));
    }
  }

  /** Makes the names on the way to the segment durable. */
  sync(): void {
    for (const directory of [this.directory, this.root]) {
      const file = openSync(directory, 'r');
      try {
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
    }
  }

  /** The holders that were given up, less those of so long ago that they are deleted now. */
  abandoned(now: number): string[] {
    return namesIn(this.root).filter((name) => {
      if (!HOLDER_ID.test(name) || name === this.holderId) return false;
      const directory = join(this.root, name);
      if (statSync(directory).mtimeMs + ABANDONED_KEPT_MS > now) return true;
      rmSync(directory, { recursive: true });
      return false;
    });
  }

  #path(segment: number): string {
    return join(this.directory, `${String(segment).padStart(SEGMENT_DIGITS, '0')}.log`);
  }
}

/** 0 for what is no segment. */
function numberOf(name: string): number {
  return Number(SEGMENT_NAME.exec(name)?.[1] ?? 0);
}

function namesIn(directory: string): string[] {
  return nullIfMissing(() => readdirSync(directory)) ?? [];
}

function readIfThere(file: string): Buffer | null {
  return nullIfMissing(() => readFileSync(file));
}

function nullIfMissing<Result>(read: () => Result): Result | null {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
