import { crc32 } from 'node:zlib';

/** What one call used, what it cost and how it ended: one line of the spool, one row of `usage_events`. */
export type UsageRecord = {
  /** Our own request id (`req_…`): providers repeat theirs. */
  readonly id: string;
  readonly organizationId: string;
  readonly keyId: string;
  /** Milliseconds since the Unix epoch, UTC. With `id` it names the row: the same record must always carry the same time. */
  readonly occurredAtMs: number;
  /** The operation that was called, such as `chat.completions`. */
  readonly surface: string;
  /** The model as the caller named it. */
  readonly model: string;
  /** Empty when no provider was reached. */
  readonly provider: string;
  /** The provider's name of the model; empty when no provider was reached. */
  readonly upstreamModel: string;
  /** The HTTP status that the caller got. */
  readonly status: number;
  /** `aborted`: the caller left before the end. */
  readonly outcome: 'completed' | 'failed' | 'aborted';
  readonly stream: boolean;
  /** All input tokens, the cached ones included. */
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** All output tokens, those of reasoning included. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Who counted the tokens: the provider, we, or nobody. */
  readonly usageSource: 'upstream' | 'counted' | 'none';
  /** Nano-dollars. */
  readonly costNanos: bigint;
  /** Which price the cost was worked out with; `null` when nothing was charged. */
  readonly priceVersion: string | null;
  readonly latencyMs: number;
  /** `null` when no byte came. */
  readonly firstByteMs: number | null;
};

/**
 * The line's JSON. `v` says the version that wrote it; later ones may add fields but never change what one means, so
 * each version reads the lines of all others. `UsageShipmentRepository` hands this JSON to PostgreSQL as it is.
 */
type WireRecord = {
  readonly v: number;
  readonly id: string;
  readonly org: string;
  readonly key: string;
  readonly at: number;
  readonly surface: string;
  readonly model: string;
  readonly provider: string;
  readonly upstream: string;
  readonly status: number;
  readonly outcome: UsageRecord['outcome'];
  readonly stream: boolean;
  readonly in: number;
  readonly cached: number;
  readonly out: number;
  readonly reasoning: number;
  readonly source: UsageRecord['usageSource'];
  /** Nano-dollars as decimal text: a JSON number would be read as a double. */
  readonly cost: string;
  readonly price: string | null;
  readonly ms: number;
  readonly first: number | null;
};

const VERSION = 1;
const CRC_DIGITS = 8;
/** The digits and a space. */
const PREFIX_BYTES = CRC_DIGITS + 1;
const SPACE = 0x20;
const NEWLINE = 0x0a;
const HEX = Buffer.from('0123456789abcdef', 'latin1');

/** PostgreSQL's `integer`. */
const MAX_INTEGER = 2 ** 31 - 1;
const MAX_TEXT_LENGTH = 256;
/** Text that JSON and PostgreSQL take as it stands, and short enough. */
const PLAIN_TEXT = /^[ -~]{0,256}$/;

/** No line is longer: eight texts of 256 UTF-16 units, each six bytes at worst (`\u0001`), and 21 short fields. */
export const MAX_LINE_BYTES = 16_384;

/**
 * Writes `record` to `target` from `start` (with at least {@link MAX_LINE_BYTES} left) as one line: CRC-32 (IEEE) of the JSON in
 * eight hex digits, a space, the JSON, a newline. Texts are cut at 256 characters; what PostgreSQL can't store in a
 * text (NUL, a lone surrogate) becomes U+FFFD, because the caller of the API chose it and must not lose us the record.
 * Times are rounded to whole milliseconds, and a duration that is none becomes 0: a stepped clock is no reason either.
 * @returns the length of the line in bytes
 */
export function encodeLine(record: UsageRecord, target: Buffer, start = 0): number {
  const from = start + PREFIX_BYTES;
  const end = from + target.write(toJson(record), from);
  let crc = crc32(target.subarray(from, end));
  for (let digit = start + CRC_DIGITS - 1; digit >= start; digit--) {
    target[digit] = HEX[crc & 15] as number;
    crc >>>= 4;
  }
  target[start + CRC_DIGITS] = SPACE;
  target[end] = NEWLINE;
  return end + 1;
}

/** Written by hand: it is on the way of every call, and takes a third of the time of a general serializer. */
function toJson(record: UsageRecord): string {
  const { firstByteMs, priceVersion } = record;
  return (
    `{"v":${VERSION},"id":${quote(record.id)},"org":${quoteOnce(record.organizationId)}` +
    `,"key":${quoteOnce(record.keyId)},"at":${figure(Math.round(record.occurredAtMs))}` +
    `,"surface":${quoteOnce(record.surface)},"model":${quoteOnce(record.model)}` +
    `,"provider":${quoteOnce(record.provider)},"upstream":${quoteOnce(record.upstreamModel)}` +
    `,"status":${figure(record.status)},"outcome":"${record.outcome}","stream":${record.stream}` +
    `,"in":${figure(record.inputTokens)},"cached":${figure(record.cachedInputTokens)},"out":${figure(record.outputTokens)}` +
    `,"reasoning":${figure(record.reasoningTokens)},"source":"${record.usageSource}"` +
    `,"cost":"${record.costNanos}"` +
    `,"price":${priceVersion === null ? 'null' : quoteOnce(priceVersion)}` +
    `,"ms":${wholeMs(record.latencyMs)}` +
    `,"first":${firstByteMs === null ? 'null' : wholeMs(firstByteMs)}}`
  );
}

/** What is no number has no place in JSON; PostgreSQL refuses the record by itself then. */
function figure(value: number): string {
  return Number.isFinite(value) ? String(value) : 'null';
}

/** A clock that jumped must not cost the record: PostgreSQL's integer takes any of these. */
function wholeMs(duration: number): number {
  return Math.min(MAX_INTEGER, Math.max(0, Math.round(duration))) || 0;
}

function quote(text: string): string {
  return JSON.stringify(storableText(text));
}

/** Texts that come again and again, such as names of keys and models, by how they stand in JSON. */
const quoted = new Map<string, string>();
const MAX_QUOTED = 4_096;

function quoteOnce(text: string): string {
  const known = quoted.get(text);
  if (known !== undefined) return known;
  const json = quote(text);
  // What a caller made up and is too long to come again is not worth the memory.
  if (text.length > MAX_TEXT_LENGTH) return json;
  if (quoted.size >= MAX_QUOTED) quoted.clear();
  quoted.set(text, json);
  return json;
}

function storableText(text: string): string {
  if (PLAIN_TEXT.test(text)) return text;
  // UTF-8 has no lone surrogates: the way there and back replaces them.
  return Buffer.from(text.slice(0, MAX_TEXT_LENGTH)).toString().replaceAll('\0', '\uFFFD');
}

/** A line whose bytes are not what was written, or were never written to the end. */
export class CorruptLineError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`The line is corrupt: ${reason}.`, options);
    this.name = 'CorruptLineError';
  }
}

/** A line whose checksum is right. */
export class DecodedLine {
  constructor(
    /** The line's JSON, byte for byte. */
    readonly json: string,
    readonly occurredAtMs: number,
  ) {}

  /** Of the record, also where the rest of it can't be read. */
  get id(): string {
    return ID.exec(this.json)?.[1] ?? '';
  }

  /** Parsed when it is asked for: PostgreSQL takes the JSON as it is. */
  get record(): UsageRecord {
    return fromWire(JSON.parse(this.json) as WireRecord);
  }
}

/** Nothing before it can hold these characters unescaped: see {@link toJson}. */
const ID = /"id":"([^"\\]*)"/;
const OCCURRED_AT = /"at":(-?\d{1,16}|null),/;

/**
 * Reads the line that stands in `source` from `start` to before `end`, its newline not included.
 * @throws {CorruptLineError} when it is torn, its checksum does not match, or it is not a record
 */
export function decodeLine(source: Buffer, start: number, end: number): DecodedLine {
  if (end - start <= PREFIX_BYTES || source[start + CRC_DIGITS] !== SPACE) {
    throw new CorruptLineError('it is torn');
  }
  const expected = source.toString('latin1', start, start + CRC_DIGITS);
  const actual = crc32(source.subarray(start + PREFIX_BYTES, end));
  if (actual.toString(16).padStart(CRC_DIGITS, '0') !== expected) {
    throw new CorruptLineError('the checksum does not match');
  }
  const json = source.toString('utf8', start + PREFIX_BYTES, end);
  const occurredAt = OCCURRED_AT.exec(json);
  if (!occurredAt) throw new CorruptLineError('the checksum matches, but it is not a record');
  return new DecodedLine(json, Number(occurredAt[1]));
}

function fromWire(wire: WireRecord): UsageRecord {
  return {
    id: wire.id,
    organizationId: wire.org,
    keyId: wire.key,
    occurredAtMs: wire.at,
    surface: wire.surface,
    model: wire.model,
    provider: wire.provider,
    upstreamModel: wire.upstream,
    status: wire.status,
    outcome: wire.outcome,
    stream: wire.stream,
    inputTokens: wire.in,
    cachedInputTokens: wire.cached,
    outputTokens: wire.out,
    reasoningTokens: wire.reasoning,
    usageSource: wire.source,
    costNanos: BigInt(wire.cost),
    priceVersion: wire.price,
    latencyMs: wire.ms,
    firstByteMs: wire.first,
  };
}
