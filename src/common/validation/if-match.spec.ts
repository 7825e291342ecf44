import { describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { assertMatches } from './if-match.js';

describe('assertMatches', () => {
  it.each([
    ['"3"', 3],
    ['"1", "3"', 3],
    ['"1","3"', 3],
    ['*', 3],
  ])('takes %s for version %j', (ifMatch, version) => {
    expect(() => assertMatches(ifMatch, 'key', version)).not.toThrow();
  });

  it.each([
    ['"2"', 3],
    ['3', 3],
    ['W/"3"', 3],
    ['"33"', 3],
    ['', 3],
    ['"3"', null],
    ['"null"', null],
    ['*', null],
  ])('refuses %s for version %j', (ifMatch, version) => {
    expect(() => assertMatches(ifMatch, 'key', version)).toThrow(
      expect.objectContaining({ code: 'precondition_failed', details: { version } }) as AppError,
    );
  });
});
