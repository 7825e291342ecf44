import { crc32 } from 'node:zlib';

import { putDigits, putNumber } from '#common/bytes/put-number.js';

import type { UsageRecord } from '../usage-record.js';
import { callers, endingFragment, routes } from './line-fragments.js';
import {
  CRC_DIGITS,
  HEX,
  MAX_LINE_BYTES,
  MAX_TEXT_LENGTH,
  NEWLINE,
  NULL_FIELD,
  PREFIX_BYTES,
  SPACE,
  TAB,
  textField,
  utf8,
} from './usage-line.js';

/** PostgreSQL's `integer`. */
const MAX_INTEGER = 2 ** 31 - 1;
const SECOND_MS = 1_000;
const MS_DIGITS = 3;

const BACKSLASH = 0x5c;
const FIRST_PRINTABLE = 0x20;
/** Without the tilde, which alone would be NULL. */
const LAST_PLAIN = 0x7d;

/**
 * Lines that wait to be written together. Their bytes are put together by hand, from parts that are remembered as bytes:
 * it is on the way of every call, and making one text first, or a general serializer, takes a multiple of the time.
 */
export class LineBuffer {
  readonly bytes: Buffer;
  /** Asking a Buffer for its memory each time would cost as much as a quarter of the checksum. */
  readonly #memory: ArrayBufferLike;
  /** Up to the end of the last whole line. */
  #length = 0;
  /** Where the line at hand goes on. */
  #at = 0;
  /** Records come in about the order of their times, so most lines begin like the one before. */
  #second = NaN;
  #headOfSecond: Uint8Array = utf8('');

  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow(size);
    this.#memory = this.bytes.buffer;
  }

  get length(): number {
    return this.#length;
  }

  /** Whether any record fits in. */
  get hasRoom(): boolean {
    return this.#length + MAX_LINE_BYTES <= this.bytes.length;
  }

  clear(): void {
    this.#length = 0;
  }

  /**
   * Adds the record as one line, while {@link hasRoom}. Times are rounded to whole milliseconds, and a duration that is
   * none becomes 0: a stepped clock is no reason to lose a record.
   */
  add(record: UsageRecord): void {
    const start = this.#length;
    this.#at = start + PREFIX_BYTES;
    this.#head(Math.round(record.occurredAtMs));
    this.bytes[this.#at++] = TAB;
    this.#id(record.id);
    this.#fragment(callers.of(record.caller));
    this.#fragment(routes.of(record.route));
    this.#fragment(endingFragment(record));
    this.#figures(record);
    this.#frame(start);
  }

  #head(time: number): void {
    const second = Math.floor(time / SECOND_MS);
    if (second === this.#second) {
      this.#fragment(this.#headOfSecond);
      this.#at = putDigits(this.bytes, this.#at, time - second * SECOND_MS, MS_DIGITS);
      return;
    }
    this.#figure(time);
    // Before that, and beyond, the figure of the second is no beginning of the time's.
    if (second < 1 || !Number.isSafeInteger(time)) return;
    this.#second = second;
    this.#headOfSecond = utf8(String(second));
  }

  #figures(record: UsageRecord): void {
    this.#figure(record.inputTokens);
    this.#nextFigure(record.cachedInputTokens);
    this.#nextFigure(record.outputTokens);
    this.#nextFigure(record.reasoningTokens);
    this.bytes[this.#at++] = TAB;
    this.#money(record.costNanos);
    this.#nextFigure(wholeMs(record.latencyMs));
    // What is no number is NULL.
    this.#nextFigure(record.firstByteMs === null ? NaN : wholeMs(record.firstByteMs));
    this.#nextFigure(record.features);
  }

  #nextFigure(value: number): void {
    this.bytes[this.#at++] = TAB;
    this.#figure(value);
  }

  /** Puts the checksum before and the newline after the fields that were just written. */
  #frame(start: number): void {
    const { bytes } = this;
    const from = start + PREFIX_BYTES;
    let crc = crc32(new Uint8Array(this.#memory, from, this.#at - from));
    for (let digit = start + CRC_DIGITS - 1; digit >= start; digit--) {
      bytes[digit] = HEX[crc & 15] as number;
      crc >>>= 4;
    }
    bytes[start + CRC_DIGITS] = SPACE;
    bytes[this.#at] = NEWLINE;
    this.#length = this.#at + 1;
  }

  #fragment(fragment: Uint8Array): void {
    this.bytes.set(fragment, this.#at);
    this.#at += fragment.length;
  }

  /** Ours is plain; any other is still kept. */
  #id(id: string): void {
    const end = this.#tryPlain(id);
    if (end === null) this.#text(textField(id));
    else this.#at = end;
  }

  /** Writes the text as it stands; answers where it ends, or `null` if its field is another. */
  #tryPlain(text: string): number | null {
    const { length } = text;
    if (length > MAX_TEXT_LENGTH) return null;
    const { bytes } = this;
    let at = this.#at;
    for (let index = 0; index < length; index++) {
      const unit = text.charCodeAt(index);
      if (!isPlain(unit)) return null;
      bytes[at++] = unit;
    }
    return at;
  }

  /** Exact, also beyond 2^53. What is cut off has more digits than PostgreSQL takes by far. */
  #money(nanos: bigint): void {
    const figure = Number(nanos);
    if (figure >= 0 && figure <= Number.MAX_SAFE_INTEGER) this.#figure(figure);
    else this.#text(String(nanos).slice(0, MAX_TEXT_LENGTH));
  }

  /** What is no number is NULL; PostgreSQL refuses the record by itself where it must be one. */
  #figure(value: number): void {
    if (value >= 0 && Number.isSafeInteger(value)) {
      this.#at = putNumber(this.bytes, this.#at, value);
    } else {
      this.#text(Number.isFinite(value) ? String(value) : NULL_FIELD);
    }
  }

  #text(text: string): void {
    this.#at += this.bytes.write(text, this.#at);
  }
}

/** Stands in a field, and in UTF-8, as the one byte that it is. */
function isPlain(unit: number): boolean {
  return unit >= FIRST_PRINTABLE && unit <= LAST_PLAIN && unit !== BACKSLASH;
}

/** A clock that jumped must not cost the record: PostgreSQL's integer takes any of these. */
function wholeMs(duration: number): number {
  const rounded = Math.round(duration);
  return rounded > 0 ? Math.min(rounded, MAX_INTEGER) : 0;
}
