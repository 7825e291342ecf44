import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';
import { Secret } from '#common/secret/secret.js';

import type { Target } from './provider-adapter.js';
import { unusableAnswer, upstreamFailure, upstreamRefusal } from './upstream-errors.js';

const CREDENTIAL = 'of-no-known-shape-1234';
const EXPLAINED = [400, 404, 413, 422];

function target(credential: string | null): Target {
  const endpoint = credential === null ? null : { credential: new Secret(credential) };
  return { providerName: 'acme', endpoint } as unknown as Target;
}

function refusal(
  status: number,
  error: unknown,
  headers: Record<string, string> = {},
  credential: string | null = CREDENTIAL,
): AppError {
  const body = Buffer.from(JSON.stringify({ error }));
  return upstreamRefusal(target(credential), status, headers, body);
}

describe('upstreamRefusal', () => {
  it('repeats the provider’s words for exactly the statuses that a client can act on', () => {
    for (let status = 400; status < 600; status++) {
      const error = refusal(status, { message: 'their words', param: 'their field' });
      const isExplained = EXPLAINED.includes(status);
      expect([status, error.message === 'their words']).toEqual([status, isExplained]);
      expect([status, error.param]).toEqual([status, isExplained ? 'their field' : null]);
      expect(error.details).toEqual({ provider: 'acme', upstream_status: status });
      expect(error.status).toBeGreaterThanOrEqual(400);
      // Of a client's own credential the provider knows nothing.
      expect([401, 403]).not.toContain(error.status);
    }
  });

  it('tells a context that is too long from other mistakes', () => {
    const code = 'context_length_exceeded';
    expect(refusal(400, { message: 'm', code }).code).toBe(code);
    expect(refusal(500, { message: 'm', code }).code).toBe('upstream_error');
  });

  it.each([null, 'x', 5, [], {}, { message: '' }, { message: 5, param: 6, code: 7 }])(
    'has a message of its own for the error %j',
    (error) => {
      expect(refusal(400, error)).toMatchObject({
        message: 'The provider acme answered with status 400.',
        param: null,
      });
    },
  );

  it('never repeats the credential, nor keeps it for the log', () => {
    const text = fc.constantFrom(
      CREDENTIAL,
      `(${CREDENTIAL})`,
      `Bearer ${CREDENTIAL}`,
      `x${CREDENTIAL.repeat(3)}`,
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 400, max: 599 }),
        fc.string(),
        text,
        (status, around, quoted) => {
          const words = around + quoted + around;
          const error = refusal(
            status,
            { message: words, param: words, code: words },
            { 'retry-after': quoted },
          );
          const { message, param, details, headers, cause } = error;
          expect(JSON.stringify([message, param, details, headers, cause])).not.toContain(
            CREDENTIAL,
          );
        },
      ),
    );
  });

  it('leaves words alone that are no secret', () => {
    expect(refusal(400, { message: 'ask ollama' }, {}, 'ollama').message).toBe('ask ollama');
    expect(refusal(400, { message: 'ask anybody' }, {}, null).message).toBe('ask anybody');
  });

  it('cuts long words', () => {
    expect(refusal(400, { message: 'x'.repeat(5_000) }).message).toHaveLength(1_000);
  });

  const DATE = 'Fri, 20 Nov 2026 10:00:00 GMT';
  it.each([
    ['12', '12'],
    ['0', '0'],
    ['0.2', '1'],
    ['9999999', '3600'],
    ['', undefined],
    ['-1', undefined],
    ['soon', undefined],
    ['NaN', undefined],
    ['Fri, 20 Nov 2026 10:01:30 GMT', '90'],
    ['Fri, 20 Nov 2026 09:00:00 GMT', '0'],
    ['Fri, 20 Nov 2099 10:00:00 GMT', '3600'],
    ['nonsense GMT', undefined],
  ])('hands on Retry-After: %s as %s', (given, expected) => {
    const error = refusal(429, {}, { 'retry-after': given, date: DATE });
    expect(error.headers?.['retry-after']).toBe(expected);
  });

  it('ignores a Retry-After that comes twice, or a date without a clock to go by', () => {
    const twice = { 'retry-after': ['1', '2'] } as unknown as Record<string, string>;
    expect(refusal(429, {}, twice).headers).not.toHaveProperty('retry-after');
    expect(refusal(429, {}, { 'retry-after': DATE }).headers).not.toHaveProperty('retry-after');
  });
});

describe('upstreamFailure', () => {
  it.each([
    ['UND_ERR_CONNECT_TIMEOUT', 'upstream_timeout'],
    ['UND_ERR_HEADERS_TIMEOUT', 'upstream_timeout'],
    ['UND_ERR_BODY_TIMEOUT', 'upstream_timeout'],
    ['ETIMEDOUT', 'upstream_timeout'],
    ['ECONNREFUSED', 'upstream_error'],
    ['ECONNRESET', 'upstream_error'],
    ['ENOTFOUND', 'upstream_error'],
    ['UND_ERR_SOCKET', 'upstream_error'],
    ['HPE_INVALID_CONSTANT', 'upstream_error'],
  ])('%s is %s, and its text stays inside', (code, expected) => {
    const cause = Object.assign(new Error('connect 10.1.2.3:443'), { code });
    const error = upstreamFailure('acme', cause);
    expect(error).toMatchObject({ code: expected, cause, details: { provider: 'acme' } });
    expect(error.message).not.toContain('10.1.2.3');
  });

  it.each([undefined, null, 'x', new Error('plain')])('takes %s for a failure', (cause) => {
    expect(upstreamFailure('acme', cause).code).toBe('upstream_error');
  });
});

it('unusableAnswer says what is wrong with it', () => {
  const error = unusableAnswer('acme', 'it is empty');
  expect(error).toMatchObject({ code: 'upstream_error', status: 502 });
  expect(error.message).toContain('acme');
  expect(error.message).toContain('it is empty');
});
