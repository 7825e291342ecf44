import { crc32 } from 'node:zlib';

import { fieldsOfVersion1, OPENING_BRACE } from './line-v1.js';
import type { SpoolPosition } from './spool-folder.js';
import { CRC_DIGITS, DIGIT_ZERO, HEX, NEWLINE, PREFIX_BYTES, SPACE, TAB } from './usage-line.js';

/** A record in a text of its own, for the few that need one. */
export type SpoolLine = {
  readonly at: SpoolPosition;
  /** Its fields as they were written; those of an older version as this one writes them. */
  readonly fields: string;
};

/** So many records, each the fields of its line, with a newline between two of them. */
export type Rows = { readonly text: Buffer; readonly count: number };

/** More could not be told apart as numbers. */
const MAX_TIME_DIGITS = 16;
/** A time that is not just digits. */
const ODD_TIME = /^(-\d{1,16}|~)\t/;
const MAX_ODD_TIME_BYTES = 18;

export const NO_ROWS: Rows = { text: Buffer.alloc(0), count: 0 };

/**
 * The records of a stretch of a segment, where they were read to: no record is copied, or made a text, on its way to
 * PostgreSQL. So it is good until those bytes are used again.
 */
export class LineBatch {
  readonly #memory: ArrayBufferLike;
  /** Of each line, where its fields begin, and where they end. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #times: number[] = [];

  /** @param at where the bytes begin in the spool */
  constructor(
    private readonly bytes: Buffer,
    private readonly at: SpoolPosition,
  ) {
    this.#memory = bytes.buffer;
  }

  get length(): number {
    return this.#times.length;
  }

  /** When each record's call ended. `NaN` for one that does not say. */
  get times(): readonly number[] {
    return this.#times;
  }

  /**
   * Adds the line that stands from `start` to its newline at `end`.
   * @returns why it is none that can be added, or `null`
   */
  add(start: number, end: number): string | null {
    const from = start + PREFIX_BYTES;
    if (from >= end || this.bytes[start + CRC_DIGITS] !== SPACE) return 'it is torn';
    if (!this.#isIntact(start, end)) return 'the checksum does not match';
    const last = this.bytes[from] === OPENING_BRACE ? this.#translate(from, end) : end;
    const time = this.#timeOf(from, last);
    if (time === null) return 'the checksum matches, but it is not a record';
    this.#starts.push(from);
    this.#ends.push(last);
    this.#times.push(time);
    return null;
  }

  lineAt(index: number): SpoolLine {
    const start = this.#starts[index] ?? 0;
    const { segment, offset } = this.at;
    return {
      at: { segment, offset: offset + start - PREFIX_BYTES },
      fields: this.bytes.toString('utf8', start, this.#ends[index]),
    };
  }

  /** The lines whose time is one of `times`. */
  linesOf(times: ReadonlySet<number>): SpoolLine[] {
    if (times.size === 0) return [];
    return this.#times.flatMap((time, index) => (times.has(time) ? [this.lineAt(index)] : []));
  }

  /**
   * Makes the bytes the rows of the records whose time is none of `refused`: whatever stands between two of them, such as a
   * checksum, a damaged or a refused line, becomes a newline and spaces. Those then stand before a number, where PostgreSQL
   * ignores them. {@link lineAt} still answers the records that are in it.
   */
  toRows(refused: ReadonlySet<number>): Rows {
    const { bytes } = this;
    let first = 0;
    let last = 0;
    let count = 0;
    for (let index = 0; index < this.length; index++) {
      if (refused.size > 0 && refused.has(this.#times[index] as number)) continue;
      const start = this.#starts[index] as number;
      if (count === 0) {
        first = start;
      } else {
        bytes[last] = NEWLINE;
        for (let at = last + 1; at < start; at++) bytes[at] = SPACE;
      }
      last = this.#ends[index] as number;
      count++;
    }
    return count === 0 ? NO_ROWS : { text: bytes.subarray(first, last), count };
  }

  #isIntact(start: number, end: number): boolean {
    const { bytes } = this;
    const from = start + PREFIX_BYTES;
    let crc = crc32(new Uint8Array(this.#memory, bytes.byteOffset + from, end - from));
    for (let digit = start + CRC_DIGITS - 1; digit >= start; digit--) {
      if (bytes[digit] !== HEX[crc & 15]) return false;
      crc >>>= 4;
    }
    return true;
  }

  /**
   * Writes the line of version 1 as one of ours over itself: that is shorter, for want of its names.
   * @returns where it ends; `from` if it is none
   */
  #translate(from: number, end: number): number {
    const fields = fieldsOfVersion1(this.bytes.subarray(from, end));
    if (fields === null || fields.length > end - from) return from;
    this.bytes.set(fields, from);
    return from + fields.length;
  }

  /** `null`: there is none, so this is no record. */
  #timeOf(from: number, end: number): number | null {
    const { bytes } = this;
    let time = 0;
    let at = from;
    for (; at < end && at - from < MAX_TIME_DIGITS; at++) {
      const digit = (bytes[at] as number) - DIGIT_ZERO;
      if (digit < 0 || digit > 9) break;
      time = time * 10 + digit;
    }
    if (at > from && at < end && bytes[at] === TAB) return time;
    const odd = bytes.toString('latin1', from, Math.min(end, from + MAX_ODD_TIME_BYTES));
    const text = ODD_TIME.exec(odd)?.[1];
    return text === undefined ? null : Number(text);
  }
}
