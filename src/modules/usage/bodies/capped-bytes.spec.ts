import fc from 'fast-check';
import { expect, it } from 'vitest';

import { CappedBytes, MAX_KEPT_BYTES } from './capped-bytes.js';

it('keeps the first 64 KiB of whatever pieces, and counts all', () => {
  const anyPiece = fc.integer({ min: 0, max: MAX_KEPT_BYTES + 2 });
  fc.assert(
    fc.property(fc.array(anyPiece, { maxLength: 6 }), (sizes) => {
      const pieces = sizes.map((size, at) => Buffer.alloc(size, at + 1));
      const capped = new CappedBytes();
      for (const piece of pieces) {
        capped.add(piece);
        // What is kept is a copy.
        piece.fill(0);
      }
      const whole = Buffer.concat(sizes.map((size, at) => Buffer.alloc(size, at + 1)));
      expect(capped.length).toBe(whole.length);
      expect(capped.bytes().equals(whole.subarray(0, MAX_KEPT_BYTES))).toBe(true);
    }),
    { numRuns: 50 },
  );
});
