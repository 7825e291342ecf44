/** Where a member of the outermost object stands in the text, as byte offsets. */
export type JsonMember = {
  /** Of the key's opening quote. */
  readonly keyStart: number;
  readonly valueStart: number;
  /** One past the value's last byte. */
  valueEnd: number;
};

export type JsonStructure = {
  /** Members of the outermost object by their decoded key. */
  readonly members: ReadonlyMap<string, JsonMember>;
  /** The first key that stands twice in one object, or `null`. RFC 8259 §4 leaves it to each reader which one counts. */
  readonly duplicateKey: string | null;
  readonly tooDeep: boolean;
};

export type ScanOptions = {
  /** How many containers may stand in one another. */
  readonly maxDepth: number;
  /** Look for duplicate keys in inner objects too, not in the outermost only. */
  readonly everyLevel: boolean;
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** Beyond this many bytes a native search for the closing quote is cheaper than looking at each. */
const SHORT_STRING = 96;

/**
 * Looks at the structure of a JSON text: the only things that a parsed value does not tell are where its bytes are, which
 * key was doubled, and how deep the nesting went. One pass, strings skipped. It does not judge the text: only what
 * `JSON.parse` accepts as well has the structure that is answered here.
 * @throws {SyntaxError} for a key with an invalid escape
 */
export function scanJson(text: Buffer, options: ScanOptions): JsonStructure {
  return new Scanner(text, options).scan();
}

class Scanner {
  readonly #members = new Map<string, JsonMember>();
  /** For each open container its keys so far; `null` for arrays and for objects that are not watched. */
  readonly #keys: (Set<string> | null)[] = [];
  /** For each open container whether it is an object. */
  readonly #isObject: boolean[] = [];
  #duplicateKey: string | null = null;
  #expectsKey = false;
  #key = '';
  #keyStart = 0;
  #open: JsonMember | null = null;

  constructor(
    private readonly text: Buffer,
    private readonly options: ScanOptions,
  ) {}

  scan(): JsonStructure {
    const { text } = this;
    for (let at = 0; at < text.length; at++) {
      const byte = text[at];
      if (byte === QUOTE) at = this.#string(at);
      else if (byte === COMMA) this.#comma(at);
      else if (byte === COLON) this.#colon(at);
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#enter(byte === OPEN_BRACE);
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#leave(at);
      if (this.#isObject.length > this.options.maxDepth) return this.#result(true);
    }
    return this.#result(false);
  }

  #result(tooDeep: boolean): JsonStructure {
    return { members: this.#members, duplicateKey: this.#duplicateKey, tooDeep };
  }

  #enter(isObject: boolean): void {
    const watched = isObject && this.options.everyLevel && this.#isObject.length > 0;
    this.#isObject.push(isObject);
    this.#keys.push(watched ? new Set() : null);
    this.#expectsKey = isObject;
  }

  #leave(at: number): void {
    if (this.#isObject.length === 1) this.#closeMember(at);
    this.#isObject.pop();
    this.#keys.pop();
    this.#expectsKey = false;
  }

  #comma(at: number): void {
    if (this.#isObject.length === 1) this.#closeMember(at);
    this.#expectsKey = this.#isObject.at(-1) === true;
  }

  #colon(at: number): void {
    if (this.#isObject.length !== 1) return;
    let valueStart = at + 1;
    while (isSpace(this.text[valueStart])) valueStart++;
    this.#open = { keyStart: this.#keyStart, valueStart, valueEnd: valueStart };
    if (this.#members.has(this.#key)) this.#duplicateKey ??= this.#key;
    this.#members.set(this.#key, this.#open);
  }

  #closeMember(at: number): void {
    if (!this.#open) return;
    let end = at;
    while (isSpace(this.text[end - 1])) end--;
    this.#open.valueEnd = end;
    this.#open = null;
  }

  /** Answers the offset of the closing quote. */
  #string(start: number): number {
    const end = closingQuote(this.text, start + 1);
    if (!this.#expectsKey) return end;
    this.#expectsKey = false;
    const depth = this.#isObject.length;
    const siblings = this.#keys[depth - 1];
    if (depth !== 1 && !siblings) return end;
    this.#key = decodeString(this.text, start, end);
    this.#keyStart = start;
    if (siblings?.has(this.#key)) this.#duplicateKey ??= this.#key;
    siblings?.add(this.#key);
    return end;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function closingQuote(text: Buffer, from: number): number {
  const nearby = Math.min(from + SHORT_STRING, text.length);
  let at = from;
  while (at < nearby) {
    const byte = text[at];
    if (byte === QUOTE) return at;
    at += byte === BACKSLASH ? 2 : 1;
  }
  for (;;) {
    const quote = text.indexOf(QUOTE, at);
    if (quote === -1) return text.length;
    let slashes = 0;
    while (quote - slashes > at && text[quote - slashes - 1] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote;
    at = quote + 1;
  }
}

function decodeString(text: Buffer, openingQuote: number, closing: number): string {
  const raw = text.toString('utf8', openingQuote + 1, closing);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}
