import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  ACCESS_LEVELS,
  type Scope,
  scopeMask,
  SCOPES,
  SCOPES_OF_LEVEL,
  scopesOf,
} from './scopes.js';

describe('a mask of scopes', () => {
  it('keeps any set of scopes', () => {
    fc.assert(
      fc.property(fc.subarray([...SCOPES]), (scopes) => {
        expect(scopesOf(scopeMask(scopes))).toEqual(scopes);
        expect(scopeMask([...scopes, ...scopes])).toBe(scopeMask(scopes));
      }),
    );
  });

  it('fits the 31 bits of a JavaScript bit operation, each scope with a bit of its own', () => {
    expect(SCOPES.length).toBeLessThanOrEqual(31);
    const bits = SCOPES.map((scope) => scopeMask([scope]));
    expect(new Set(bits).size).toBe(SCOPES.length);
    for (const bit of bits) expect(bit).toBeGreaterThan(0);
  });

  it('gives nothing for a scope that does not exist', () => {
    expect(scopeMask(['toString', '__proto__', 'keys:*'] as unknown as Scope[])).toBe(0);
  });
});

describe('access levels', () => {
  it('are exactly these', () => {
    expect(ACCESS_LEVELS).toEqual([
      'master',
      'admin',
      'full',
      'management',
      'inference',
      'read_only',
    ]);
    expect(SCOPES_OF_LEVEL.inference).toEqual(['inference', 'models:read']);
    expect(SCOPES_OF_LEVEL.read_only).toEqual(['models:read', 'deployments:read', 'billing:read']);
  });

  it('below admin never write and infer at once', () => {
    for (const level of ['full', 'inference', 'read_only'] as const) {
      expect(SCOPES_OF_LEVEL[level].filter((scope) => scope.endsWith(':write'))).toEqual([]);
    }
    expect(SCOPES_OF_LEVEL.management).not.toContain('inference');
  });
});
