import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import { toError } from '#common/errors/to-error.js';
import { JsonScanError, scanJson } from '#common/json/json-structure.js';

import { checkBody } from './body-digest.js';

/** Longest body of a management call, in bytes. */
export const MANAGEMENT_BODY_LIMIT = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

export function tooLarge(limitBytes: number): AppError {
  return new AppError('request_too_large', {
    message: `The request body is larger than the ${limitBytes} bytes that are allowed here.`,
    // What is left of the body is not read, so the connection can't be used again.
    headers: { connection: 'close' },
  });
}

export type BodyBounds = {
  readonly limitBytes: number;
  /** Is told the size of each piece before it is kept; throws to refuse the request. */
  readonly hold?: (bytes: number) => void;
};

/**
 * Collects a request's body.
 * @param done is called once: with the body, or with an `AppError` such as `request_too_large`, `signature_invalid`, or
 * `invalid_request` when the client goes away half-way
 */
export function collectBody(
  request: IncomingMessage,
  { limitBytes, hold }: BodyBounds,
  done: (error: Error | null, body: Buffer) => void,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  let isOver = false;
  const finish: typeof done = (error, body) => {
    if (isOver) return;
    isOver = true;
    if (error !== null) request.pause();
    done(error, body);
  };
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
    finish(tooLarge(limitBytes), NOTHING);
    return;
  }
  request.on('data', (chunk: Buffer) => {
    if (isOver) return;
    size += chunk.length;
    try {
      if (size > limitBytes) throw tooLarge(limitBytes);
      hold?.(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      finish(toError(error), NOTHING);
    }
  });
  request.on('end', () => {
    if (isOver) return;
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
    try {
      checkBody(request, body);
    } catch (error) {
      finish(toError(error), NOTHING);
      return;
    }
    finish(null, body);
  });
  request.on('error', (cause) =>
    finish(
      new AppError('invalid_request', { message: 'The request body ended early.', cause }),
      NOTHING,
    ),
  );
}

/** @throws {AppError} as {@link collectBody} says */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    collectBody(request, { limitBytes }, (error, body) => {
      if (error === null) resolve(body);
      else reject(error);
    });
  });
}

const BOUNDS = { maxDepth: 64, maxValues: 100_000, maxMembers: 256, everyLevel: true };
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses a management body. Doubled keys are refused, because two readers of one text must never disagree on what was
 * asked for, and so are keys that could reach a prototype.
 * @throws {AppError} `invalid_json`
 */
export function parseManagementJson(body: Buffer): unknown {
  const duplicateKey = findDuplicateKey(body);
  if (duplicateKey !== null) {
    throw new AppError('invalid_json', {
      message: `The key ${duplicateKey.slice(0, 64)} stands twice.`,
      param: duplicateKey,
    });
  }
  return JSON.parse(body.toString('utf8'), refusePrototypeKeys) as unknown;
}

function findDuplicateKey(body: Buffer): string | null {
  try {
    return scanJson(body, BOUNDS).duplicateKey;
  } catch (cause) {
    if (!(cause instanceof JsonScanError)) throw cause;
    throw new AppError('invalid_json', { message: cause.message, cause });
  }
}

function refusePrototypeKeys(key: string, value: unknown): unknown {
  if (PROTOTYPE_KEYS.has(key)) {
    throw new AppError('invalid_json', { message: `The key ${key} is not allowed.`, param: key });
  }
  return value;
}
