import type { UsageRecord } from '../usage-record.js';

/**
 * A line of a segment is the CRC-32 (IEEE) of its JSON in eight lower-case hex digits, a space, the JSON, a newline.
 * `v` says the version that wrote it; later ones may add fields but never change what one means, so each version reads
 * the lines of all others. The order of the fields means nothing, but a line that begins like {@link LINE_HEAD} is read
 * fastest. PostgreSQL gets this JSON as it is.
 */
export type UsageLine = {
  readonly v: number;
  readonly at: number;
  readonly id: string;
  readonly org: string;
  readonly key: string;
  readonly model: string;
  readonly provider: string;
  readonly upstream: string;
  readonly price: string | null;
  readonly surface: string;
  readonly status: number;
  readonly outcome: UsageRecord['outcome'];
  readonly stream: boolean;
  readonly source: UsageRecord['usageSource'];
  readonly in: number;
  readonly cached: number;
  readonly out: number;
  readonly reasoning: number;
  /** Nano-dollars as decimal text: a JSON number would be read as a double. */
  readonly cost: string;
  readonly ms: number;
  readonly first: number | null;
};

const encoder = new TextEncoder();

/** UTF-8 in memory of its own: a slice of Node's pool would keep all of that alive. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

export const LINE_HEAD = '{"v":1,"at":';

export const CRC_DIGITS = 8;
/** The digits and a space. */
export const PREFIX_BYTES = CRC_DIGITS + 1;
export const HEX = utf8('0123456789abcdef');
export const SPACE = 0x20;
export const NEWLINE = 0x0a;
export const COMMA = 0x2c;
export const DIGIT_ZERO = 0x30;

export const MAX_TEXT_LENGTH = 256;
/** No line is longer: eight texts of 256 UTF-16 units, each six bytes at worst (`\u0001`), and 13 short fields. */
export const MAX_LINE_BYTES = 16_384;
