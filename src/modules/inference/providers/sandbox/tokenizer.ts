import { type GptEncoding } from 'gpt-tokenizer/GptEncoding';

/** Real tokens of OpenAI's `o200k_base` encoding. Any text is ordinary text: `<|endoftext|>` is seven tokens, no error. */
export type Tokenizer = {
  count(text: string): number;
  /** A lone surrogate counts as U+FFFD, which is also what it decodes to. */
  encode(text: string): number[];
  /** Bytes that are no UTF-8 become U+FFFD. Throws a RangeError for a token above {@link MAX_TOKEN}. */
  decode(tokens: readonly number[]): string;
  /**
   * The text of each token in turn. A character that several tokens share stays whole: it comes with the last of them.
   * What would be left of half a character at the end is dropped.
   */
  pieces(tokens: readonly number[]): string[];
};

/** The highest ordinary token; what lies above in `o200k_base` are special tokens, which have no text. */
export const MAX_TOKEN = 199_997;

/**
 * A byte-pair piece (a word, a run of spaces or of punctuation) costs the library time with the square of its length:
 * 256 KiB of one letter took 40 s. Longer pieces are therefore cut here, at a character's border, which can cost a
 * token at each cut. Words, rulers, indentation and sentences of scripts without spaces are shorter, and exact.
 */
const MAX_PIECE_LENGTH = 128;
const ORDINARY_TEXT = { disallowedSpecial: new Set<string>() };

type Encoding = {
  readonly api: GptEncoding;
  /** Token → its text, or its bytes where they are not whole UTF-8 characters. */
  readonly ranks: readonly (string | readonly number[])[];
  readonly pieceRegex: RegExp;
};

let loading: Promise<Tokenizer> | undefined;

/** Imports the 2.4 MB of tables at the first call, once for the process; about 0.4 s of CPU, so start it at boot. */
export function loadTokenizer(): Promise<Tokenizer> {
  loading ??= importEncoding().then(tokenizerOf);
  return loading;
}

async function importEncoding(): Promise<Encoding> {
  const [{ default: api }, { default: ranks }, { O200K_TOKEN_SPLIT_REGEX }] = await Promise.all([
    import('gpt-tokenizer/encoding/o200k_base'),
    import('gpt-tokenizer/bpeRanks/o200k_base'),
    import('gpt-tokenizer/encodingParams/constants'),
  ]);
  // The library's cache keys are slices of callers' texts, each of which keeps its whole text in memory.
  api.setMergeCacheSize(0);
  return { api, ranks, pieceRegex: O200K_TOKEN_SPLIT_REGEX };
}

function tokenizerOf(encoding: Encoding): Tokenizer {
  const encode = (text: string): number[] => encodeText(text, encoding);
  return {
    count: (text) => encode(text).length,
    encode,
    decode: (tokens) => Buffer.concat(tokens.map((token) => bytesOf(token, encoding))).toString(),
    pieces: (tokens) => wholePieces(tokens, encoding),
  };
}

function encodeText(text: string, { api, pieceRegex }: Encoding): number[] {
  if (!hasLongPiece(text, pieceRegex)) return api.encode(text, ORDINARY_TEXT);
  const tokens: number[] = [];
  for (const [piece] of text.matchAll(pieceRegex)) {
    for (const part of cutPiece(piece)) {
      for (const token of api.encode(part, ORDINARY_TEXT)) tokens.push(token);
    }
  }
  return tokens;
}

function hasLongPiece(text: string, pieceRegex: RegExp): boolean {
  if (text.length <= MAX_PIECE_LENGTH) return false;
  for (const [piece] of text.matchAll(pieceRegex)) {
    if (piece.length > MAX_PIECE_LENGTH) return true;
  }
  return false;
}

function* cutPiece(piece: string): Generator<string> {
  let start = 0;
  while (piece.length - start > MAX_PIECE_LENGTH) {
    const wanted = start + MAX_PIECE_LENGTH;
    const splitsPair = (piece.codePointAt(wanted - 1) ?? 0) > 0xffff;
    const end = splitsPair ? wanted - 1 : wanted;
    yield piece.slice(start, end);
    start = end;
  }
  yield piece.slice(start);
}

function bytesOf(token: number, { ranks }: Encoding): Buffer {
  const value = ranks[token];
  if (value === undefined) throw new RangeError(`There is no token ${token}.`);
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value);
}

function wholePieces(tokens: readonly number[], encoding: Encoding): string[] {
  const pieces: string[] = [];
  let pending: Buffer[] = [];
  let missing = 0;
  for (const token of tokens) {
    const bytes = bytesOf(token, encoding);
    pending.push(bytes);
    missing = missingBytes(bytes, missing);
    if (missing === 0) {
      pieces.push(Buffer.concat(pending).toString());
      pending = [];
    }
  }
  return pieces;
}

/** How many bytes the last UTF-8 character still lacks after `bytes`, when `missing` were lacking before them. */
function missingBytes(bytes: Buffer, missing: number): number {
  let left = missing;
  for (const byte of bytes) {
    if (left > 0) left -= 1;
    else if (byte >= 0xf0) left = 3;
    else if (byte >= 0xe0) left = 2;
    else if (byte >= 0xc0) left = 1;
  }
  return left;
}
