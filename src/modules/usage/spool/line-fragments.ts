import type { UsageCaller, UsageRecord, UsageRoute } from '../usage-record.js';
import { MAX_TEXT_LENGTH, utf8 } from './usage-line.js';

/** Text that JSON and PostgreSQL take as it stands, and short enough. */
const PLAIN_TEXT = /^[ -~]{0,256}$/;
/** There are a few surfaces and statuses only; the bounds are for a caller that does not keep to that. */
const MAX_SURFACES = 64;
const MAX_ENDINGS = 512;
const WAYS_TO_END = 18;
const LABEL_BYTES = 16;

/**
 * The text in JSON, cut at 256 characters. What PostgreSQL can't store in a text (NUL, a lone surrogate) becomes U+FFFD,
 * because the caller of the API chose it and must not lose us the record.
 */
export function quote(text: string): string {
  return JSON.stringify(storableText(text));
}

function storableText(text: string): string {
  if (PLAIN_TEXT.test(text)) return text;
  // UTF-8 has no lone surrogates: the way there and back replaces them.
  return Buffer.from(text.slice(0, MAX_TEXT_LENGTH)).toString().replaceAll('\0', '\uFFFD');
}

/** A text of at most 16 bytes as four big-endian words: so short a one is copied by far fastest this way. */
export type Label = {
  readonly first: number;
  readonly second: number;
  readonly third: number;
  readonly fourth: number;
  /** In bytes. */
  readonly length: number;
};

export function label(text: string): Label {
  const bytes = new Uint8Array(LABEL_BYTES);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  const words = new DataView(bytes.buffer);
  return {
    first: words.getInt32(0),
    second: words.getInt32(4),
    third: words.getInt32(8),
    fourth: words.getInt32(12),
    length: written,
  };
}

/** Remembers for as long as its object lives how that stands in a line. */
class Fragments<Part extends object> {
  readonly #known = new WeakMap<Part, Uint8Array>();

  constructor(private readonly toJson: (part: Part) => string) {}

  of(part: Part): Uint8Array {
    const known = this.#known.get(part);
    if (known !== undefined) return known;
    const fragment = utf8(this.toJson(part));
    this.#known.set(part, fragment);
    return fragment;
  }
}

export const callers = new Fragments<UsageCaller>(
  ({ organizationId, keyId }) => `,"org":${quote(organizationId)},"key":${quote(keyId)}`,
);

export const routes = new Fragments<UsageRoute>(
  ({ model, provider, upstreamModel, priceVersion }) =>
    `,"model":${quote(model)},"provider":${quote(provider)},"upstream":${quote(upstreamModel)}` +
    `,"price":${priceVersion === null ? 'null' : quote(priceVersion)}`,
);

/** All that few values are known of, and so stand in a line in few ways. */
type Ending = Pick<UsageRecord, 'surface' | 'status' | 'outcome' | 'usageSource' | 'stream'>;

const OUTCOME_NUMBERS = { completed: 0, failed: 1, aborted: 2 } as const;
const SOURCE_NUMBERS = { upstream: 0, counted: 1, none: 2 } as const;

const endings = new Map<string, Map<number, Uint8Array>>();

/** How the call ended, up to where its tokens follow. */
export function endingFragment(ending: Ending): Uint8Array {
  const { surface, status, outcome, usageSource, stream } = ending;
  // Any other number could make the key that of another ending.
  if ((status | 0) !== status) return utf8(toEndingJson(ending));
  const ofSurface = endings.get(surface) ?? rememberSurface(surface);
  const way = (OUTCOME_NUMBERS[outcome] * 3 + SOURCE_NUMBERS[usageSource]) * 2 + (stream ? 1 : 0);
  const key = status * WAYS_TO_END + way;
  const known = ofSurface.get(key);
  if (known !== undefined) return known;
  const fragment = utf8(toEndingJson(ending));
  if (ofSurface.size >= MAX_ENDINGS) ofSurface.clear();
  ofSurface.set(key, fragment);
  return fragment;
}

function rememberSurface(surface: string): Map<number, Uint8Array> {
  if (endings.size >= MAX_SURFACES) endings.clear();
  const ofSurface = new Map<number, Uint8Array>();
  endings.set(surface, ofSurface);
  return ofSurface;
}

function toEndingJson({ surface, status, outcome, usageSource, stream }: Ending): string {
  return (
    `,"surface":${quote(surface)},"status":${Number.isFinite(status) ? status : 'null'}` +
    `,"outcome":"${outcome}","stream":${stream},"source":"${usageSource}","in":`
  );
}
