import { LINE_FIELDS, NULL_FIELD, textField, utf8 } from './usage-line.js';

/**
 * Lines of version 1 were JSON objects with the names of {@link LINE_FIELDS}, and `v`. Only builds from before the release of
 * 0.1.0 wrote them, so this file, and what calls it, may go with the version that follows it.
 */
const FIELDS_OF_VERSION_1 = LINE_FIELDS.filter((name) => name !== 'features');

export const OPENING_BRACE = 0x7b;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The fields that the JSON holds, as a line of version 2 has them; `null` if it is no such JSON. */
export function fieldsOfVersion1(json: Uint8Array): Uint8Array | null {
  const record = parse(json);
  const values = FIELDS_OF_VERSION_1.map((name) => record?.[name]);
  if (values.includes(undefined)) return null;
  const fields = values.map((value) => (value === null ? NULL_FIELD : textField(String(value))));
  return utf8(fields.join('\t'));
}

type Value = string | number | boolean | null | undefined;

function parse(json: Uint8Array): Record<string, Value> | null {
  try {
    return JSON.parse(decoder.decode(json)) as Record<string, Value>;
  } catch {
    return null;
  }
}
