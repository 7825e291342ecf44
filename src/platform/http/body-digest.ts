import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';

/**
 * Who calls is found out before the body is read on inference routes, and after it on all others. So what comes first
 * is kept here until the other is there: the body, or the digest that it must have.
 */
const digests = new WeakMap<IncomingMessage, Buffer>();
const bodies = new WeakMap<IncomingMessage, Buffer>();
const NO_BODY = Buffer.alloc(0);

/** Whether a body comes with the request (RFC 9112 §6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/**
 * Asks that the body of `request` has this SHA-256 digest. Where it is yet to come, reading it will fail otherwise.
 * @throws {AppError} `signature_invalid` where it is there already and has another
 */
export function expectBody(request: IncomingMessage, digest: Buffer): void {
  // A body that does not come is never read, and so would never be held to its digest.
  const body = hasBody(request) ? bodies.get(request) : NO_BODY;
  if (body === undefined) digests.set(request, digest);
  else assertDigest(body, digest);
}

/**
 * Is told each body once it is read. Only that of a request with a signature can ever be asked about.
 * @throws {AppError} `signature_invalid` where it is not what was expected
 */
export function checkBody(request: IncomingMessage, body: Buffer): void {
  if (request.headers['signature-input'] === undefined) return;
  const digest = digests.get(request);
  if (digest === undefined) bodies.set(request, body);
  else assertDigest(body, digest);
}

function assertDigest(body: Buffer, digest: Buffer): void {
  if (createHash('sha256').update(body).digest().equals(digest)) return;
  throw new AppError('signature_invalid', {
    message: 'The body is not the one that Content-Digest was made of.',
    param: 'Content-Digest',
  });
}
