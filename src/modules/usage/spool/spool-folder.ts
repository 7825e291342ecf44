import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { randomBase62 } from '#common/ids/prefixed-id.js';

import { NotASpoolError } from '../usage.errors.js';

/**
 * On disk: `<data folder>/usage-spool/<spool id>/` with the file `spool-id`, the segments `000001763700.log` …, and
 * beside them what could not be shipped (`*.corrupt`, `rejected.log`). `usage-spool/current` names this data folder's
 * spool. A data folder that is copied to a second machine must leave `current` behind there.
 */
export type SpoolFolder = { readonly spoolId: string; readonly directory: string };

/** Everything before it has been dealt with. Segments are numbered upwards; `offset` is in bytes. */
export type SpoolPosition = { readonly segment: number; readonly offset: number };

const ROOT = 'usage-spool';
const CURRENT_FILE = 'current';
const ID_FILE = 'spool-id';
const SPOOL_ID = /^spl_[0-9A-Za-z]{22}$/;
const SEGMENT_NAME = /^(\d{12})\.log$/;
const SEGMENT_DIGITS = 12;

/** Negative when `a` comes before `b`, 0 when they are the same. */
export function comparePositions(a: SpoolPosition, b: SpoolPosition): number {
  return a.segment - b.segment || a.offset - b.offset;
}

export function segmentPath(directory: string, segment: number): string {
  return join(directory, `${String(segment).padStart(SEGMENT_DIGITS, '0')}.log`);
}

/** The numbers of the segments whose file names are given, upwards. */
export function segmentNumbers(fileNames: readonly string[]): number[] {
  return fileNames
    .flatMap((name) => {
      const digits = SEGMENT_NAME.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    })
    .sort((a, b) => a - b);
}

export type SegmentSize = { readonly segment: number; readonly bytes: number };

/** The segments that exist, upwards. */
export function listSegments(directory: string): SegmentSize[] {
  return segmentNumbers(readdirSync(directory)).map((segment) => ({
    segment,
    bytes: statSync(segmentPath(directory, segment)).size,
  }));
}

/** The spool of this data folder, made on first use. The caller holds the data folder: one process at a time. */
export function claimSpool(dataDir: string): SpoolFolder {
  const root = join(dataDir, ROOT);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const currentFile = join(root, CURRENT_FILE);
  const known = readIfThere(currentFile);
  const spoolId = known ?? `spl_${randomBase62(22)}`;
  if (!SPOOL_ID.test(spoolId)) throw new Error(`${currentFile} does not hold a spool's id.`);
  const directory = join(root, spoolId);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, ID_FILE), spoolId, { mode: 0o600 });
  if (known === null) {
    // Renamed into place, so that a crash leaves no half-written name.
    writeFileSync(`${currentFile}.new`, spoolId, { mode: 0o600 });
    renameSync(`${currentFile}.new`, currentFile);
  }
  return { spoolId, directory };
}

/**
 * The spools in `directory`, which may be a spool itself, a `usage-spool` folder or a data folder.
 * @throws {NotASpoolError} when there is none
 */
export function findSpools(directory: string): SpoolFolder[] {
  const own = openSpool(directory);
  if (own) return [own];
  const root = readIfThere(join(directory, ROOT, CURRENT_FILE)) === null ? '' : ROOT;
  const parent = join(directory, root);
  const spools = namesIn(parent).flatMap((name) => openSpool(join(parent, name)) ?? []);
  if (spools.length === 0) throw new NotASpoolError(directory);
  return spools;
}

function openSpool(directory: string): SpoolFolder | null {
  const spoolId = readIfThere(join(directory, ID_FILE));
  return spoolId !== null && SPOOL_ID.test(spoolId) ? { spoolId, directory } : null;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if (isMissing(cause)) throw new NotASpoolError(directory);
    throw cause;
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** Whether a file operation failed because there is nothing of that name. */
export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
