import { describe, expect, it } from 'vitest';

import { currentBoot, isSameBoot } from './boot.js';

describe('a boot of the machine', () => {
  it('has a name that stays', () => {
    const now = Date.now();
    expect(isSameBoot(currentBoot({ now: () => now }), currentBoot({ now: () => now }))).toBe(true);
    expect(currentBoot({ now: () => now })).toMatch(/^[\w-]+$/);
  });

  it.each([
    ['0c5e-a1', '0c5e-a1', true],
    ['0c5e-a1', '0c5e-a2', false],
    ['0c5e-a1', '1763700000000', false],
    ['1763700000000', '1763700010000', true],
    ['1763700010000', '1763700000000', true],
    ['1763700000000', '1763700010001', false],
  ])('%s and %s: the same is %s', (one, other, isSame) => {
    expect(isSameBoot(one, other)).toBe(isSame);
  });
});
