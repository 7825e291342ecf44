import { isInnerList, parseDictionary, serializeDictionary } from 'structured-headers';
import type { IncomingMessage } from 'node:http';

import { signatureInvalid } from './signature-invalid.js';

const LABEL = 'sig1';

/** A signature as it was sent: what it covers, what it says of itself, and its value. */
export type SentSignature = {
  /** Names of the covered components, each once. */
  readonly components: ReadonlySet<string>;
  readonly parameters: ReadonlyMap<string, unknown>;
  /** The value of `@signature-params`. */
  readonly paramsText: string;
  readonly value: Buffer;
};

/**
 * The one signature of a request, labelled `sig1` (RFC 9421 §4).
 * @throws {AppError} `signature_invalid`
 */
export function readSignature(request: IncomingMessage): SentSignature {
  const inputText = theOnly(request, 'Signature-Input');
  const input = memberOf(inputText, 'Signature-Input');
  const [value] = memberOf(theOnly(request, 'Signature'), 'Signature');
  if (!isInnerList(input))
    throw signatureInvalid('Signature-Input', 'must be a list of components');
  if (!(value instanceof ArrayBuffer))
    throw signatureInvalid('Signature', 'must be a sequence of bytes (:base64:)');
  const [items, parameters] = input;
  const components = new Set<string>();
  for (const [name, ofComponent] of items) {
    if (typeof name !== 'string' || ofComponent.size > 0 || components.has(name))
      throw signatureInvalid(
        'Signature-Input',
        'must name each component once, without parameters',
      );
    components.add(name);
  }
  const paramsText = inputText.slice(`${LABEL}=`.length);
  return { components, parameters, paramsText, value: Buffer.from(value) };
}

function theOnly(request: IncomingMessage, name: string): string {
  const values = rawValues(request, name.toLowerCase());
  if (values.length === 1) return values[0] as string;
  throw signatureInvalid(name, values.length === 0 ? 'is missing' : 'must be sent once');
}

/**
 * It must be written in the one way that RFC 9651 §4.1 writes it. So nothing can stand there twice, and no other reader
 * of it can read something else.
 */
function memberOf(text: string, name: string): DictionaryMember {
  const parsed = parse(text);
  const member = parsed?.get(LABEL);
  if (parsed && member && parsed.size === 1 && serializeDictionary(parsed) === text) return member;
  throw signatureInvalid(
    name,
    `must have exactly one member, ${LABEL}, as RFC 9651 writes it: without spaces that need not be there`,
  );
}

type Parsed = ReturnType<typeof parseDictionary>;
type DictionaryMember = Parsed extends Map<string, infer Member> ? Member : never;

function parse(text: string): Parsed | null {
  try {
    return parseDictionary(text);
  } catch {
    // Whatever is wrong with it, it is no dictionary.
    return null;
  }
}

const SHA_256_BYTES = 32;

/**
 * The SHA-256 of the body that `Content-Digest` says (RFC 9530).
 * @throws {AppError} `signature_invalid`
 */
export function readContentDigest(request: IncomingMessage): Buffer {
  const [value] = parse(rawValues(request, 'content-digest').join(', '))?.get('sha-256') ?? [];
  if (value instanceof ArrayBuffer && value.byteLength === SHA_256_BYTES) return Buffer.from(value);
  throw signatureInvalid('Content-Digest', 'must have a sha-256 digest (sha-256=:base64:)');
}

/** Every value of a header as it was sent, in order (RFC 9421 §2.1). */
export function rawValues({ rawHeaders }: IncomingMessage, lowerCaseName: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === lowerCaseName) values.push(rawHeaders[at + 1] as string);
  }
  return values;
}
