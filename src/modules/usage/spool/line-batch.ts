import { crc32 } from 'node:zlib';

import { label } from './line-fragments.js';
import type { SpoolPosition } from './spool-folder.js';
import {
  COMMA,
  CRC_DIGITS,
  DIGIT_ZERO,
  HEX,
  LINE_HEAD,
  PREFIX_BYTES,
  SPACE,
} from './usage-line.js';

/** A record in a text of its own, for the few that need one. */
export type SpoolLine = {
  readonly at: SpoolPosition;
  /** Byte for byte as it was written. */
  readonly json: string;
};

/** The JSON array of so many records. */
export type JsonRecords = { readonly json: Buffer; readonly count: number };

const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
/** Three words, no byte less. */
const HEAD = label(LINE_HEAD);
/** More could not be told apart as numbers. */
const MAX_TIME_DIGITS = 16;
/** Nothing before it can hold these characters unescaped. */
const OCCURRED_AT = /"at":(-?\d{1,16}|null),/;

export const NO_RECORDS: JsonRecords = { json: Buffer.from('[]'), count: 0 };

/**
 * The records of a stretch of a segment, where they were read to: no record is copied, or made a text, on its way to
 * PostgreSQL. So it is good until those bytes are used again.
 */
export class LineBatch {
  readonly #memory: ArrayBufferLike;
  readonly #words: DataView;
  /** Of each line, where its JSON begins, and where the newline after it stands. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #times: number[] = [];

  /** @param at where the bytes begin in the spool */
  constructor(
    private readonly bytes: Buffer,
    private readonly at: SpoolPosition,
  ) {
    this.#memory = bytes.buffer;
    this.#words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
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
    const time = this.#timeOf(from, end);
    if (time === null) return 'the checksum matches, but it is not a record';
    this.#starts.push(from);
    this.#ends.push(end);
    this.#times.push(time);
    return null;
  }

  lineAt(index: number): SpoolLine {
    const start = this.#starts[index] ?? 0;
    const { segment, offset } = this.at;
    return {
      at: { segment, offset: offset + start - PREFIX_BYTES },
      json: this.bytes.toString('utf8', start, this.#ends[index]),
    };
  }

  /** The lines whose time is one of `times`. */
  linesOf(times: ReadonlySet<number>): SpoolLine[] {
    if (times.size === 0) return [];
    return this.#times.flatMap((time, index) => (times.has(time) ? [this.lineAt(index)] : []));
  }

  /**
   * Makes the bytes a JSON array of the records whose time is none of `refused`: whatever stands between two of them,
   * such as a checksum, a damaged or a refused line, becomes a comma and spaces. {@link lineAt} still answers the records
   * that are in it.
   */
  toJson(refused: ReadonlySet<number>): JsonRecords {
    const { bytes } = this;
    let first = -1;
    let gap = -1;
    let count = 0;
    for (let index = 0; index < this.length; index++) {
      if (refused.size > 0 && refused.has(this.#times[index] as number)) continue;
      const start = this.#starts[index] as number;
      if (count === 0) first = gap = start - PREFIX_BYTES;
      bytes[gap] = count === 0 ? OPENING_BRACKET : COMMA;
      for (let at = gap + 1; at < start; at++) bytes[at] = SPACE;
      gap = this.#ends[index] as number;
      count++;
    }
    if (count === 0) return NO_RECORDS;
    bytes[gap] = CLOSING_BRACKET;
    return { json: bytes.subarray(first, gap + 1), count };
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

  /** `null`: there is none, so this is no record. */
  #timeOf(from: number, end: number): number | null {
    if (!this.#hasHead(from, end)) return this.#timeAnywhere(from, end);
    const { bytes } = this;
    const start = from + HEAD.length;
    let time = 0;
    let at = start;
    for (; at - start < MAX_TIME_DIGITS; at++) {
      const digit = (bytes[at] as number) - DIGIT_ZERO;
      if (digit < 0 || digit > 9) break;
      time = time * 10 + digit;
    }
    return at > start && bytes[at] === COMMA ? time : this.#timeAnywhere(from, end);
  }

  #hasHead(from: number, end: number): boolean {
    const words = this.#words;
    return (
      end - from > HEAD.length &&
      words.getInt32(from) === HEAD.first &&
      words.getInt32(from + 4) === HEAD.second &&
      words.getInt32(from + 8) === HEAD.third
    );
  }

  /** For lines that another version wrote. */
  #timeAnywhere(from: number, end: number): number | null {
    const digits = OCCURRED_AT.exec(this.bytes.toString('latin1', from, end))?.[1];
    return digits === undefined ? null : Number(digits);
  }
}
