import type { IncomingMessage } from 'node:http';

import { AppError } from '#common/errors/app-error.js';
import { scanJson } from '#common/json/json-structure.js';

/** Longest body of a management call, in bytes. */
export const MANAGEMENT_BODY_LIMIT = 1024 * 1024;

export function tooLarge(limitBytes: number): AppError {
  return new AppError('request_too_large', {
    message: `The request body is larger than the ${limitBytes} bytes that are allowed here.`,
    // What is left of the body is not read, so the connection can't be used again.
    headers: { connection: 'close' },
  });
}

/**
 * Collects a request's body, at most `limitBytes` of it.
 * @throws {AppError} `request_too_large`; `invalid_request` when the client goes away half-way
 */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) {
    return Promise.reject(tooLarge(limitBytes));
  }
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limitBytes) {
        request.removeAllListeners('data').pause();
        reject(tooLarge(limitBytes));
      } else {
        chunks.push(chunk);
      }
    });
    request.once('end', () =>
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)),
    );
    request.once('error', (cause) =>
      reject(new AppError('invalid_request', { message: 'The request body ended early.', cause })),
    );
  });
}

const MAX_DEPTH = 64;
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses a management body. Doubled keys are refused, because two readers of one text must never disagree on what was
 * asked for, and so are keys that could reach a prototype.
 * @throws {AppError} `invalid_json`
 */
export function parseManagementJson(body: Buffer): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'), refusePrototypeKeys);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError('invalid_json', { cause });
  }
  const { tooDeep, duplicateKey } = scanJson(body, { maxDepth: MAX_DEPTH, everyLevel: true });
  if (tooDeep) {
    throw new AppError('invalid_json', { message: `The JSON is nested deeper than ${MAX_DEPTH}.` });
  }
  if (duplicateKey !== null) {
    throw new AppError('invalid_json', { message: 'A key stands twice.', param: duplicateKey });
  }
  return value;
}

function refusePrototypeKeys(key: string, value: unknown): unknown {
  if (PROTOTYPE_KEYS.has(key)) {
    throw new AppError('invalid_json', { message: `The key ${key} is not allowed.`, param: key });
  }
  return value;
}
