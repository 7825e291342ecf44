import { createPublicKey, type KeyObject, verify } from 'node:crypto';

const MAX_KEYS = 100;
const KEY_IDENTIFIER = /^[\x21-\x7e]{1,128}$/;
/** Node would take a private key as well, and make the public one of it. */
const PUBLIC_KEY_PEM = /^\s*-----BEGIN PUBLIC KEY-----/;
/** A DER signature of P-256 has at most 72 bytes. */
const BASE64 = /^[0-9A-Za-z+/]{8,128}={0,2}$/;

/** Why a key set can't be used. The message goes after the name of the variable, and quotes nothing of its value. */
export class PublicKeySetError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'PublicKeySetError';
  }
}

/** By key identifier. */
export type PublicKeySet = ReadonlyMap<string, KeyObject>;

/**
 * Reads a key set in GitHub's form, `{"public_keys": [{"key_identifier", "key", "is_current"}]}` with keys as PEM. Keys
 * that are not current count as well: they are what reports of before a rotation are signed with.
 * @throws {PublicKeySetError} it is no such document, or a key in it is not one of P-256
 */
export function parsePublicKeySet(text: string): PublicKeySet {
  const entries = publicKeysOf(text);
  if (entries.length === 0 || entries.length > MAX_KEYS) {
    throw new PublicKeySetError(`must have 1 to ${MAX_KEYS} public_keys`);
  }
  const keys = new Map<string, KeyObject>();
  for (const [index, entry] of entries.entries()) {
    const { key_identifier: identifier, key } = (entry ?? {}) as Record<string, unknown>;
    if (typeof identifier !== 'string' || !KEY_IDENTIFIER.test(identifier)) {
      throw new PublicKeySetError(`has no usable key_identifier in public_keys[${index}]`);
    }
    if (keys.has(identifier)) {
      throw new PublicKeySetError(`has the key_identifier of public_keys[${index}] twice`);
    }
    keys.set(identifier, parseKey(key, index));
  }
  return keys;
}

function publicKeysOf(text: string): unknown[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    // The error would quote the text.
    throw new PublicKeySetError('must be JSON, or the path of a file with JSON');
  }
  const keys = (document as { public_keys?: unknown } | null)?.public_keys;
  if (!Array.isArray(keys)) throw new PublicKeySetError('must have an array public_keys');
  return keys;
}

function parseKey(pem: unknown, index: number): KeyObject {
  const isPem = typeof pem === 'string' && PUBLIC_KEY_PEM.test(pem);
  const key = isPem ? tryParse(pem) : null;
  if (key?.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new PublicKeySetError(
      `must have a public key of the curve P-256, as PEM, in public_keys[${index}]`,
    );
  }
  return key;
}

function tryParse(pem: string): KeyObject | null {
  try {
    return createPublicKey({ key: pem, format: 'pem' });
  } catch {
    return null;
  }
}

/**
 * Whether `signature` is `key`'s over exactly these bytes: ECDSA with SHA-256, as base64 of its DER form (GitHub's
 * "ECDSA-NIST-P256V1-SHA256").
 */
export function isSignedBy(key: KeyObject, body: Buffer, signature: string): boolean {
  if (!BASE64.test(signature)) return false;
  return verify('sha256', body, { key, dsaEncoding: 'der' }, Buffer.from(signature, 'base64'));
}
