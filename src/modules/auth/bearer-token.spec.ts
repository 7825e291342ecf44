import fc from 'fast-check';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { authorizationHeader, bearerToken } from './bearer-token.js';

/** A request as Node hands it out: of doubled Authorization headers it keeps the first. */
function requestWith(rawHeaders: readonly string[]): IncomingMessage {
  const at = rawHeaders.findIndex(
    (name, index) => index % 2 === 0 && name.toLowerCase() === 'authorization',
  );
  const headers = at === -1 ? {} : { authorization: rawHeaders[at + 1] };
  return { headers, rawHeaders } as unknown as IncomingMessage;
}

function tokenOf(rawHeaders: readonly string[]): string {
  return bearerToken(authorizationHeader(requestWith(rawHeaders)));
}

function codeFor(rawHeaders: readonly string[]): string {
  try {
    return `token ${tokenOf(rawHeaders)}`;
  } catch (error) {
    return (error as AppError).code;
  }
}

describe('bearerToken', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER abc', 'abc'],
    ['Bearer    abc  ', 'abc'],
    ['Bearer a.b_c~d+e/f-g==', 'a.b_c~d+e/f-g=='],
    [`Bearer ${'x'.repeat(512)}`, 'x'.repeat(512)],
  ])('reads %.40s', (value, token) => {
    expect(tokenOf(['Host', 'x', 'Authorization', value])).toBe(token);
  });

  it.each([
    ['', 'missing_api_key'],
    ['Bearer', 'invalid_api_key'],
    ['Bearer ', 'invalid_api_key'],
    ['Bearer a b', 'invalid_api_key'],
    ['Bearer a,Bearer b', 'invalid_api_key'],
    ['Bearer\tabc', 'invalid_api_key'],
    ['Bearerabc', 'invalid_api_key'],
    ['Bearer "abc"', 'invalid_api_key'],
    ['Bearer ab=c', 'invalid_api_key'],
    ['Bearer ключ', 'invalid_api_key'],
    ['Basic abc', 'invalid_api_key'],
    ['abc', 'invalid_api_key'],
    [' Bearer abc', 'invalid_api_key'],
    [`Bearer ${'x'.repeat(513)}`, 'invalid_api_key'],
  ])('refuses %.40j with %s', (value, code) => {
    expect(codeFor(['Authorization', value])).toBe(code);
  });

  it('finds none where there is none', () => {
    expect(codeFor(['Cookie', 'Authorization', 'X-Authorization', 'Bearer abc'])).toBe(
      'missing_api_key',
    );
  });

  it.each([
    ['Authorization', 'authorization'],
    ['AUTHORIZATION', 'Authorization'],
    ['authorization', 'authorization'],
  ])('refuses two headers, however they are spelled: %s, %s', (first, second) => {
    expect(codeFor([first, 'Bearer abc', 'x', 'y', second, 'Bearer abc'])).toBe('invalid_request');
    expect(codeFor([first, 'Bearer abc', second, ''])).toBe('invalid_request');
  });

  it('is quick with whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.nat(8_000), (text, length) => {
        const startedAt = performance.now();
        codeFor(['authorization', `bearer ${text}${' '.repeat(length)}${'='.repeat(length)}`]);
        expect(performance.now() - startedAt).toBeLessThan(100);
      }),
    );
  });
});
