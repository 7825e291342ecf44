import { type FileHandle, open, readdir } from 'node:fs/promises';

import { CorruptLineError, decodeLine, type DecodedLine } from '../usage-record.js';
import {
  isMissing,
  segmentNumbers,
  segmentPath,
  type SpoolFolder,
  type SpoolPosition,
} from './spool-folder.js';

export const MAX_BATCH_RECORDS = 1_000;
/** Far above the longest line, so a batch without a newline can't be one of ours. */
const MAX_BATCH_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;
const SPACE = 0x20;

export type SpoolLine = { readonly line: DecodedLine; readonly at: SpoolPosition };

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
  readonly lines: readonly SpoolLine[];
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

/** Reads a spool in the order it was written, also while it is written. Holds one batch in memory. */
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
      if (next === null) return { lines: [], faults: missing, to: position };
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
  return { kind: 'missing', at, reason: 'the segment was deleted', bytes: Buffer.alloc(0) };
}

function parseChunk(chunk: Chunk, maxRecords: number): SpoolBatch {
  const { segment, offset, bytes } = chunk;
  const lines: SpoolLine[] = [];
  const faults: SpoolFault[] = [];
  let start = 0;
  while (start < bytes.length && lines.length + faults.length < maxRecords) {
    const newline = bytes.indexOf(NEWLINE, start);
    if (newline === -1) break;
    const at = { segment, offset: offset + start };
    const line = isBlank(bytes, start, newline) ? null : readLine(bytes, start, newline);
    if (line instanceof CorruptLineError) {
      faults.push(fault('corrupt', at, line.message, bytes.subarray(start, newline)));
    } else if (line) {
      lines.push({ line, at });
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
  // A copy: the buffer is used again.
  return { kind, at, reason, bytes: Buffer.from(bytes) };
}

function readLine(bytes: Buffer, start: number, end: number): DecodedLine | CorruptLineError {
  try {
    return decodeLine(bytes, start, end);
  } catch (error) {
    if (error instanceof CorruptLineError) return error;
    throw error;
  }
}

function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let index = start; index < end; index++) {
    if (bytes[index] !== SPACE) return false;
  }
  return true;
}
