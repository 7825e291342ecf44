/**
 * A line of a segment is the CRC-32 (IEEE) of its fields in eight lower-case hex digits, a space, the fields, a newline.
 * The fields are texts in UTF-8 in the order of {@link LINE_FIELDS}, with a tab between two of them. PostgreSQL gets them as
 * they are: splitting text takes it less than half as long as reading JSON.
 *
 * In a field `\t` stands for a tab, `\n` for a newline and `\s` for a backslash. So no field holds a tab or a newline, and a
 * backslash always begins one of these; putting the characters back one kind after the other, the backslash last, can't take
 * one thing for another. The field `~` is NULL; the text `~` is `\~`.
 *
 * This is version 2. A later one may add fields at the end, which this one passes over. If it changes anything else, its lines
 * must begin like none of before: one of version 1 begins with `{`, one of version 2 with its time.
 */
export const LINE_FIELDS = [
  /** Milliseconds since the Unix epoch, UTC. It comes first because it is a number: spaces may stand before it. */
  'at',
  'id',
  'org',
  'key',
  'model',
  'provider',
  'upstream',
  /** May be NULL. */
  'price',
  'surface',
  'status',
  'outcome',
  /** `true` or `false`. */
  'stream',
  'source',
  'in',
  'cached',
  'out',
  'reasoning',
  /** Nano-dollars. */
  'cost',
  'ms',
  /** May be NULL. */
  'first',
  /** Missing in lines of before it was known, which is 0. */
  'features',
] as const;
export type LineField = (typeof LINE_FIELDS)[number];

const encoder = new TextEncoder();

/** UTF-8 in memory of its own: a slice of Node's pool would keep all of that alive. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

export const CRC_DIGITS = 8;
/** The digits and a space. */
export const PREFIX_BYTES = CRC_DIGITS + 1;
export const HEX = utf8('0123456789abcdef');
export const TAB = 0x09;
export const NEWLINE = 0x0a;
export const SPACE = 0x20;
export const DIGIT_ZERO = 0x30;

export const MAX_TEXT_LENGTH = 256;
/** No line is longer: eight texts of 256 UTF-16 units, each three bytes at worst (`漢`), and 13 short fields. */
export const MAX_LINE_BYTES = 8_192;

export const NULL_FIELD = '~';
/** A text of at most 256 characters that is a field as it stands. */
const PLAIN_TEXT = /^[ -[\]-}]{0,256}$/;
const ESCAPED = /[\t\n\\]|^~$/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '\t': '\\t',
  '\n': '\\n',
  '\\': '\\s',
  '~': '\\~',
};
const ESCAPE = /\\[tns~]/g;
const CHARACTERS = new Map(
  Object.entries(ESCAPES).map(([character, escape]) => [escape, character]),
);

/**
 * The text as a field, cut at 256 characters. What PostgreSQL can't store in a text (NUL, a lone surrogate) becomes U+FFFD,
 * because the caller of the API chose it and must not lose us the record.
 */
export function textField(text: string): string {
  if (PLAIN_TEXT.test(text)) return text;
  // UTF-8 has no lone surrogates: the way there and back replaces them.
  const storable = Buffer.from(text.slice(0, MAX_TEXT_LENGTH))
    .toString()
    .replaceAll('\0', '\uFFFD');
  return storable.replace(ESCAPED, (character) => ESCAPES[character] ?? character);
}

/** What a line says, for the few that are looked at here; a field that is missing is `null`. */
export function readFields(line: string): Record<LineField, string | null> {
  const fields = line.split('\t');
  const entries = LINE_FIELDS.map((name, index) => [name, readField(fields[index] ?? NULL_FIELD)]);
  return Object.fromEntries(entries) as Record<LineField, string | null>;
}

function readField(field: string): string | null {
  if (field === NULL_FIELD) return null;
  return field.replace(ESCAPE, (escape) => CHARACTERS.get(escape) ?? escape);
}
