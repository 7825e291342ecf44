/** A member of an object: where it stands in the text, as byte offsets. */
export type JsonMember = {
  /** Of the key's opening quote. */
  readonly keyStart: number;
  /** Of the key's closing quote. */
  readonly keyEnd: number;
  readonly valueStart: number;
  /** One past the value's last byte. */
  valueEnd: number;
  /** Of the key with its letter case folded: keys with different ones differ in more than that. */
  readonly keyHash: number;
};

/** A member somewhere inside a value. Its end is not known yet. */
export type InnerMember = Omit<JsonMember, 'valueEnd'> & {
  /** How many containers of the value it stands in: 1 for a member of the value itself. */
  readonly depth: number;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPENING = 0x7b;
const CLOSING = 0x7d;
const LETTER_N = 0x6e;
const DIGIT_ZERO = 0x30;
const MAX_SMALL_DIGITS = 9;

const HASH_BASIS = 0x811c9dc5 | 0;
const ALL_MARKS = -1;

/** A name to look for: ASCII, in lower case. */
export class JsonName {
  readonly hash: number;
  /** As {@link keyMarkOf} gives it. */
  readonly mark: number;

  constructor(readonly text: string) {
    this.hash = hashOf(text);
    // After a single letter stands the quote.
    this.mark = markOf(text.charCodeAt(0), text.length > 1 ? text.charCodeAt(1) : QUOTE);
  }
}

/** The member of this very name, or `undefined`. */
export function findMember(
  text: Buffer,
  members: readonly JsonMember[],
  name: JsonName,
): JsonMember | undefined {
  for (const member of members) {
    if (member.keyHash === name.hash && isNamed(text, member, name)) return member;
  }
  return undefined;
}

/** A key that differs from `name` in letter case only, as `Model` does from `model`, or `null`. */
export function findLookalike(
  text: Buffer,
  members: readonly JsonMember[],
  name: JsonName,
): string | null {
  for (const member of members) {
    if (member.keyHash !== name.hash || isNamed(text, member, name)) continue;
    const key = keyOf(text, member);
    if (foldCase(key) === name.text) return key;
  }
  return null;
}

/**
 * Calls `visit` for each member of each object inside a value, in the order of the text: of keys that stand twice in one
 * object, both come by, which no parsed value would tell. It nests no calls and builds no values.
 * @param text has passed `scanJson`
 */
export function visitMembers(
  text: Buffer,
  { valueStart, valueEnd }: JsonMember,
  visit: (member: InnerMember) => void,
): void {
  let depth = 0;
  for (let at = valueStart; at < valueEnd; at++) {
    const byte = text[at] as number;
    if (byte === QUOTE) {
      const keyStart = at;
      at = closingQuoteAfter(text, keyStart + 1);
      const colon = afterSpaces(text, at + 1);
      if (text[colon] !== COLON) continue;
      const keyHash = keyHashOf(text, keyStart, at);
      visit({ keyStart, keyEnd: at, valueStart: afterSpaces(text, colon + 1), keyHash, depth });
      at = colon;
    } else if ((byte | 0x20) === OPENING) {
      depth++;
    } else if ((byte | 0x20) === CLOSING) {
      depth--;
    }
  }
}

/** Whether the key is this name, in whatever letter case. */
export function isAlike(text: Buffer, member: InnerMember, name: JsonName): boolean {
  if (member.keyHash !== name.hash) return false;
  return isNamed(text, member, name) || foldCase(keyOf(text, member)) === name.text;
}

/** The value of a member. */
export function readMember(text: Buffer, { valueStart, valueEnd }: JsonMember): unknown {
  return (
    readSmallInteger(text, valueStart, valueEnd) ??
    (JSON.parse(text.toString('utf8', valueStart, valueEnd)) as unknown)
  );
}

/** The most frequent number by far, for which no text need be made; `null` for every other value. */
function readSmallInteger(text: Buffer, start: number, end: number): number | null {
  if (end - start > MAX_SMALL_DIGITS) return null;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (text[at] as number) - DIGIT_ZERO;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
  }
  return value;
}

/** The value of a member that is a string; `null` for one of another type. */
export function readText(text: Buffer, { valueStart, valueEnd }: JsonMember): string | null {
  return text[valueStart] === QUOTE ? decodeString(text, valueStart, valueEnd - 1) : null;
}

/** As {@link readText}. */
export function readInnerText(text: Buffer, { valueStart }: InnerMember): string | null {
  if (text[valueStart] !== QUOTE) return null;
  return decodeString(text, valueStart, closingQuoteAfter(text, valueStart + 1));
}

/** One past the last byte of a value that is a string. */
export function endOfInnerText(text: Buffer, { valueStart }: InnerMember): number {
  return closingQuoteAfter(text, valueStart + 1) + 1;
}

export function isNull(text: Buffer, { valueStart }: Pick<JsonMember, 'valueStart'>): boolean {
  return text[valueStart] === LETTER_N;
}

type Key = Pick<JsonMember, 'keyStart' | 'keyEnd'>;

function isNamed(text: Buffer, key: Key, { text: name }: JsonName): boolean {
  const start = key.keyStart + 1;
  for (let letter = 0; letter < name.length; letter++) {
    if (text[start + letter] !== name.charCodeAt(letter)) return keyOf(text, key) === name;
  }
  return start + name.length === key.keyEnd;
}

export function keyOf(text: Buffer, { keyStart, keyEnd }: Key): string {
  return decodeString(text, keyStart, keyEnd);
}

/** Takes the offsets of the quotes. */
export function decodeString(text: Buffer, openingQuote: number, closingQuote: number): string {
  const raw = text.toString('utf8', openingQuote + 1, closingQuote);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

/** Of a string that is known to be well-formed: then a quote is its end unless an odd number of backslashes precedes it. */
function closingQuoteAfter(text: Buffer, from: number): number {
  let at = nextQuote(text, from);
  while (isEscaped(text, at)) at = nextQuote(text, at + 1);
  return at;
}

/** Most strings are short; the native search pays off for long ones only, such as images. */
function nextQuote(text: Buffer, from: number): number {
  const near = from + 32;
  for (let at = from; at < near; at++) if (text[at] === QUOTE) return at;
  return text.indexOf(QUOTE, near);
}

function isEscaped(text: Buffer, at: number): boolean {
  let first = at;
  while (text[first - 1] === BACKSLASH) first--;
  return ((at - first) & 1) === 1;
}

export function afterSpaces(text: Buffer, from: number): number {
  let at = from;
  while (at < text.length && isSpace(text[at] as number)) at++;
  return at;
}

export function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Also the letters outside ASCII that fold into it, as Go's `encoding/json` does: `ſ` is an s, the Kelvin sign a k. */
function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}

/** Of the key as it is meant, not as it is written; letter case does not count. Takes the offsets of the quotes. */
export function keyHashOf(text: Buffer, openingQuote: number, closingQuote: number): number {
  let hash = HASH_BASIS;
  for (let at = openingQuote + 1; at < closingQuote; at++) {
    const byte = text[at] as number;
    if (byte >= 0x80 || byte === BACKSLASH) {
      return hashOf(foldCase(decodeString(text, openingQuote, closingQuote)));
    }
    hash = hashOn(hash, byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);
  }
  return hash;
}

/**
 * One of 32 bits, by the first two letters: the same one for every spelling of a name. A set of keys is told by an `or`
 * of them, and a name whose bit is missing there is surely none of them (a filter as Bloom's, 1970, of one hash). A key
 * that begins with escapes gives all bits, since reading it would cost more.
 */
export function keyMarkOf(text: Buffer, openingQuote: number): number {
  const first = text[openingQuote + 1] as number;
  const second = text[openingQuote + 2] as number;
  const isPlain = (first | second) < 0x80 && first !== BACKSLASH && second !== BACKSLASH;
  return isPlain ? markOf(first, second) : ALL_MARKS;
}

/** The factors keep the names we look for apart from those that nearly every request has. */
function markOf(first: number, second: number): number {
  return 1 << (((first | 0x20) * 5 + (second | 0x20) * 3) & 31);
}

function hashOf(folded: string): number {
  let hash = HASH_BASIS;
  for (let at = 0; at < folded.length; at++) hash = hashOn(hash, folded.charCodeAt(at));
  return hash;
}

/** FNV-1a of 32 bits (Fowler, Noll, Vo). It guards nothing: keys with equal hashes are compared. */
function hashOn(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193);
}
