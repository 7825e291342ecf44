import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import type { SigningRules } from '#modules/keys/index.js';
import { hasBody } from '#platform/http/body-digest.js';

import { signatureBase } from './signature-base.js';
import { readContentDigest, readSignature, type SentSignature } from './signature-headers.js';
import { signatureInvalid } from './signature-invalid.js';

/** The name in IANA’s registry of what policies call HMAC-SHA256. */
const ALGORITHM = 'hmac-sha256';
const ALWAYS_COVERED = ['@method', '@authority', '@path', '@query'];
const NONCE = /^[\x21-\x7e]{16,128}$/;

export type Signer = Readonly<{ keyId: string; rules: SigningRules }>;
/** When and over which scheme a request came. */
export type Arrival = Readonly<{ now: number; isHttps: boolean }>;

export type VerifiedSignature = Readonly<{
  /** Must not have been used before; `null` where none is required. */
  nonce: string | null;
  /** SHA-256 that the body must have; `null` where there is no body, and none was signed. */
  bodyDigest: Buffer | null;
}>;

/**
 * Verifies that `request` was signed by `signer` (RFC 9421), and covers all that it does. No I/O: whether the nonce is
 * new, and whether the body is the one of the digest, is for the caller to find out.
 * @throws {AppError} `signature_required`, `signature_invalid`, `timestamp_out_of_range`
 */
export function verifySignature(
  request: IncomingMessage,
  { keyId, rules }: Signer,
  { now, isHttps }: Arrival,
): VerifiedSignature {
  const { headers } = request;
  if (headers.signature === undefined && headers['signature-input'] === undefined)
    throw new AppError('signature_required');
  const signature = readSignature(request);
  assertCovers(signature, request);
  assertParameters(signature, keyId);
  assertMade(signature, signatureBase(request, isHttps, signature), rules);
  // Only now is it known who says so.
  assertInTime(signature, rules, now);
  return {
    nonce: rules.requiresNonce ? nonceOf(signature) : null,
    bodyDigest: signature.components.has('content-digest') ? readContentDigest(request) : null,
  };
}

function assertCovers({ components }: SentSignature, request: IncomingMessage): void {
  const needed = hasBody(request) ? [...ALWAYS_COVERED, 'content-digest'] : ALWAYS_COVERED;
  const missing = needed.filter((name) => !components.has(name));
  if (missing.length === 0) return;
  throw signatureInvalid('Signature-Input', `must cover ${missing.join(', ')}`);
}

function assertParameters({ parameters }: SentSignature, keyId: string): void {
  if (parameters.get('keyid') !== keyId)
    throw signatureInvalid('keyid', 'must be the id of the API key that is presented');
  if (parameters.get('alg') !== ALGORITHM) throw signatureInvalid('alg', `must be "${ALGORITHM}"`);
}

function assertMade({ value }: SentSignature, base: string, { key }: SigningRules): void {
  if (!key) throw signatureInvalid('The signing secret', 'is lost: have another one issued');
  // Header fields come as Latin-1, so these are the bytes that were sent.
  const expected = createHmac('sha256', key).update(base, 'latin1').digest();
  if (value.length === expected.length && timingSafeEqual(value, expected)) return;
  throw signatureInvalid('Signature', 'is not that of this request by this key’s signing secret');
}

function assertInTime(
  { parameters }: SentSignature,
  { maxAgeMs }: SigningRules,
  now: number,
): void {
  const expires = parameters.get('expires');
  if (expires !== undefined && !(now < milliseconds(expires, 'expires')))
    throw new AppError('timestamp_out_of_range', { message: 'The signature has expired.' });
  if (maxAgeMs === null) return;
  const created = milliseconds(parameters.get('created'), 'created');
  if (Math.abs(now - created) <= maxAgeMs) return;
  throw new AppError('timestamp_out_of_range', {
    message: `created must be within ${maxAgeMs / 1_000} s of our clock, which says ${Math.floor(now / 1_000)}.`,
    param: 'created',
  });
}

function milliseconds(seconds: unknown, name: string): number {
  if (Number.isSafeInteger(seconds)) return (seconds as number) * 1_000;
  throw signatureInvalid(name, 'must be a Unix time in whole seconds');
}

function nonceOf({ parameters }: SentSignature): string {
  const nonce = parameters.get('nonce');
  if (typeof nonce === 'string' && NONCE.test(nonce)) return nonce;
  throw signatureInvalid('nonce', 'must have 16 to 128 visible ASCII characters');
}
