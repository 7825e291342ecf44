import { type FileHandle, open, readdir } from 'node:fs/promises';

import { LineBatch } from './line-batch.js';
import {
  isMissing,
  segmentNumbers,
  segmentPath,
  type SpoolFolder,
  type SpoolPosition,
} from './spool-folder.js';
import { NEWLINE, SPACE } from './usage-line.js';

export const MAX_BATCH_RECORDS = 1_000;
/** Far above the longest line, so a batch without a newline can't be one of ours. */
const MAX_BATCH_BYTES = 1024 * 1024;

const NO_BYTES = Buffer.alloc(0);

export type SpoolFault = {
  /**
   * `corrupt`: damaged bytes where a whole line should be. `torn`: the last line of a closed segment was never written
   * to its end, so its call was never acknowledged. `missing`: the segment to read on in is gone.
   */
  readonly kind: 'corrupt' | 'torn' | 'missing';
  readonly at: SpoolPosition;
  readonly reason: string;
  readonly bytes: Buffer;
};

export type SpoolBatch = {
  readonly lines: LineBatch;
  readonly faults: readonly SpoolFault[];
  /** Where the next batch begins; the same as this one's start when there is nothing to read. */
  readonly to: SpoolPosition;
};

type Chunk = {
  readonly segment: number;
  /** Offset of the chunk's first byte in the segment. */
  readonly offset: number;
  readonly bytes: Buffer;
  /** Nothing will ever follow these bytes. */
  readonly isFinal: boolean;
};

/**
 * Reads a spool in the order it was written, also while it is written. Holds one batch in memory, always the same: with
 * the next `read` the lines of the last one are gone.
 */
export class SpoolReader {
  readonly #buffer = Buffer.allocUnsafeSlow(MAX_BATCH_BYTES);

  /** @param isLive whether more may be appended to a segment */
  constructor(
    private readonly folder: SpoolFolder,
    private readonly isLive: (segment: number) => boolean,
  ) {}

  /** The next at most `maxRecords` records and 1 MiB from `from`. Waits for nothing: the batch may be empty. */
  async read(from: SpoolPosition, maxRecords: number): Promise<SpoolBatch> {
    let position = from;
    const missing: SpoolFault[] = [];
    for (;;) {
      const isFinal = !this.isLive(position.segment);
      const chunk = await this.#readChunk(position, isFinal);
      if (chunk && chunk.bytes.length > 0) {
        const batch = parseChunk(chunk, maxRecords);
        return { ...batch, faults: [...missing, ...batch.faults] };
      }
      const next = isFinal ? await this.#segmentAfter(position.segment) : null;
      if (next === null) {
        return { lines: new LineBatch(NO_BYTES, position), faults: missing, to: position };
      }
      if (!chunk && position.offset > 0) missing.push(missingSegment(position));
      position = { segment: next, offset: 0 };
    }
  }

  async #readChunk(from: SpoolPosition, isClosed: boolean): Promise<Chunk | null> {
    let file: FileHandle;
    try {
      file = await open(segmentPath(this.folder.directory, from.segment), 'r');
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    try {
      const { size } = await file.stat();
      const { bytesRead } = await file.read(this.#buffer, 0, MAX_BATCH_BYTES, from.offset);
      const bytes = this.#buffer.subarray(0, bytesRead);
      return { ...from, bytes, isFinal: isClosed && from.offset + bytesRead >= size };
    } finally {
      await file.close();
    }
  }

  async #segmentAfter(segment: number): Promise<number | null> {
    const numbers = segmentNumbers(await readdir(this.folder.directory));
    return numbers.find((number) => number > segment) ?? null;
  }
}

function missingSegment(at: SpoolPosition): SpoolFault {
  return { kind: 'missing', at, reason: 'the segment was deleted', bytes: NO_BYTES };
}

function parseChunk(chunk: Chunk, maxRecords: number): SpoolBatch {
  const { segment, offset, bytes } = chunk;
  const lines = new LineBatch(bytes, { segment, offset });
  const faults: SpoolFault[] = [];
  let start = 0;
  while (start < bytes.length && lines.length + faults.length < maxRecords) {
    const newline = bytes.indexOf(NEWLINE, start);
    if (newline === -1) break;
    const reason = isBlank(bytes, start, newline) ? null : lines.add(start, newline);
    if (reason !== null) {
      const at = { segment, offset: offset + start };
      const message = `The line is corrupt: ${reason}.`;
      faults.push(fault('corrupt', at, message, bytes.subarray(start, newline)));
    }
    start = newline + 1;
  }
  const rest = restWithoutEnd(chunk, start);
  if (rest && lines.length + faults.length < maxRecords) {
    const at = { segment, offset: offset + start };
    faults.push(fault(rest, at, 'The line has no end.', bytes.subarray(start)));
    start = bytes.length;
  }
  return { lines, faults, to: { segment, offset: offset + start } };
}

/** What the bytes after the last newline are, unless they may simply not have been read or written to their end. */
function restWithoutEnd({ bytes, isFinal }: Chunk, start: number): 'torn' | 'corrupt' | null {
  if (start === bytes.length) return null;
  if (isFinal) return 'torn';
  return start === 0 && bytes.length === MAX_BATCH_BYTES ? 'corrupt' : null;
}

function fault(
  kind: SpoolFault['kind'],
  at: SpoolPosition,
  reason: string,
  bytes: Buffer,
): SpoolFault {
  // A copy: the lines around it become rows where they stand.
  return { kind, at, reason, bytes: Buffer.from(bytes) };
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    if (bytes[index] !== SPACE) return false;
  }
  return true;
}
