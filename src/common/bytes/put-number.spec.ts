import fc from 'fast-check';
import { expect, it } from 'vitest';

import { putNumber } from './put-number.js';

it('writes what String does, and says where it ends', () => {
  const bytes = Buffer.alloc(20);
  const edges = [0, 9, 10, 999, 1_000, 9_999, 10_000, 999_999_999, 1e9, 2 ** 31, 2 ** 53 - 1];
  const anyNumber = fc.oneof(fc.constantFrom(...edges), fc.nat(), fc.maxSafeNat());
  fc.assert(
    fc.property(anyNumber, (value) => {
      const end = putNumber(bytes, 2, value);
      expect(bytes.toString('latin1', 2, end)).toBe(String(value));
    }),
    { numRuns: 2_000 },
  );
});
