import { describe, expect, it } from 'vitest';

import { AppError } from './app-error.js';
import { ERROR_CODES, type ErrorCode } from './error-codes.js';

/** The table of the public contract: a status has one type. */
const TYPE_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'payment_required',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  412: 'conflict_error',
  413: 'invalid_request_error',
  422: 'conflict_error',
  429: 'rate_limit_error',
  500: 'server_error',
  502: 'server_error',
  503: 'server_error',
  504: 'server_error',
};

describe('ERROR_CODES', () => {
  it.each(Object.entries(ERROR_CODES))('%s has its status’s type and a message', (code, entry) => {
    const [status, type, message] = entry;
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(type).toBe(TYPE_OF_STATUS[status]);
    expect(message.length).toBeGreaterThan(10);
  });

  it('keeps the messages that are part of the contract, word for word', () => {
    expect(ERROR_CODES.missing_api_key[2]).toBe('No API key provided');
    expect(ERROR_CODES.invalid_api_key[2]).toBe('Invalid API key provided');
    expect(ERROR_CODES.insufficient_credits[2]).toBe(
      'Insufficient credits. Please add credits to continue.',
    );
    expect(ERROR_CODES.read_only_key[2]).toBe('This API key is read-only');
  });
});

describe('AppError', () => {
  it('takes status, type and message from its code', () => {
    const code: ErrorCode = 'model_not_found';
    const error = new AppError(code);
    expect(error).toMatchObject({ code, status: 404, type: 'not_found_error', param: null });
    expect(error.message).toBe(ERROR_CODES[code][2]);
    expect([error.details, error.headers, error.cause]).toEqual([undefined, undefined, undefined]);
  });

  it('says what it is told instead', () => {
    const cause = new Error('inside');
    const headers = { 'retry-after': '1' };
    const error = new AppError('conflict', {
      message: 'm',
      param: 'p',
      details: { a: 1 },
      headers,
      cause,
    });
    expect(error).toMatchObject({ message: 'm', param: 'p', details: { a: 1 }, headers, cause });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('AppError');
  });
});
