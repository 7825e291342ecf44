import { closeSync, fsyncSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import { putNumber } from '#common/bytes/put-number.js';
import { toError } from '#common/errors/to-error.js';

import {
  type Amounts,
  CHECK,
  CHECK_LINE_BYTES,
  FIGURE_LETTERS,
  NEWLINE,
  SUMMED_METRICS,
} from './journal-lines.js';

/** Room for some thousand calls, and for any line. */
const BUFFER_BYTES = 64 * 1024;
/** At most seven numbers of 16 digits, each behind a letter or a space, and a newline. */
const MAX_CALL_LINE_BYTES = 128;
const MAX_BYTES_OF_UNIT = 3;

const BEGIN = 0x62; // b
const END = 0x65; // e
const SPACE = 0x20;
const HEX = Buffer.from('0123456789abcdef', 'latin1');
const LETTERS = Buffer.from(FIGURE_LETTERS, 'latin1');

/**
 * Puts lines together as bytes, and appends them to a segment block by block. Its checksum runs on from block to block, so
 * that none can be missing. After a write that failed it writes no more, and every block fails.
 */
export class SegmentWriter {
  readonly #bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  readonly #memory = this.#bytes.buffer;
  #length = 0;
  #crc = 0;
  #size = 0;
  #failure: unknown = null;

  constructor(readonly file: number) {}

  /** Of what is written. */
  get size(): number {
    return this.#size;
  }

  /** A line of at most 20,000 characters. */
  line(text: string): void {
    this.#makeRoom(text.length * MAX_BYTES_OF_UNIT + 1);
    this.#length += this.#bytes.write(text, this.#length);
    this.#bytes[this.#length++] = NEWLINE;
  }

  begin(ticket: number, set: number, reserved: Amounts): void {
    this.#makeRoom(MAX_CALL_LINE_BYTES);
    const bytes = this.#bytes;
    bytes[this.#length] = BEGIN;
    const at = putNumber(bytes, this.#length + 1, ticket);
    this.#figures(reserved, putNext(bytes, at, set));
  }

  end(ticket: number, used: Amounts): void {
    this.#makeRoom(MAX_CALL_LINE_BYTES);
    this.#bytes[this.#length] = END;
    this.#figures(used, putNumber(this.#bytes, this.#length + 1, ticket));
  }

  /**
   * Writes the lines since the last block with one write; when there were many, a part of them is written already.
   * @throws the file system's error when any of it could not be written
   */
  endBlock(): void {
    if (this.#length === 0) return;
    this.#makeRoom(CHECK_LINE_BYTES + 1);
    this.#sum();
    this.#length = putCheck(this.#bytes, this.#length, this.#crc);
    this.#write();
    if (this.#failure !== null) throw toError(this.#failure);
  }

  /** The disk's, not only the kernel's. */
  sync(): void {
    fsyncSync(this.file);
  }

  close(): void {
    closeSync(this.file);
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= BUFFER_BYTES) return;
    this.#sum();
    this.#write();
  }

  #sum(): void {
    this.#crc = crc32(new Uint8Array(this.#memory, 0, this.#length), this.#crc);
  }

  #write(): void {
    const length = this.#length;
    this.#length = 0;
    try {
      for (let written = 0; written < length && this.#failure === null;) {
        const taken = writeSync(this.file, this.#bytes, written, length - written);
        if (taken === 0) throw new Error('The file system took no bytes.');
        written += taken;
      }
      this.#size += length;
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Ends the line that stands up to `at`. */
  #figures(amounts: Amounts, at: number): void {
    const bytes = this.#bytes;
    for (let metric = 0; metric < SUMMED_METRICS; metric++) {
      const amount = amounts[metric] as number;
      if (amount === 0) continue;
      bytes[at++] = LETTERS[metric] as number;
      at = putNumber(bytes, at, amount);
    }
    bytes[at++] = NEWLINE;
    this.#length = at;
  }
}

/** Writes a space and the number. */
function putNext(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = SPACE;
  return putNumber(bytes, at + 1, value);
}

/** As {@link checkLine} has it, which is slower, and a newline. */
function putCheck(bytes: Uint8Array, start: number, crc: number): number {
  const end = start + CHECK_LINE_BYTES;
  bytes[start] = CHECK;
  bytes[end - 1] = CHECK;
  let rest = crc;
  for (let at = end - 2; at > start; at--) {
    bytes[at] = HEX[rest & 15] as number;
    rest >>>= 4;
  }
  bytes[end] = NEWLINE;
  return end + 1;
}
