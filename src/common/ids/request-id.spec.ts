import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { newId } from './prefixed-id.js';
import { newRequestId, timeOfRequestId } from './request-id.js';

const anyTime = fc.integer({ min: 0, max: Date.UTC(3_700, 0, 1) });

describe('a request’s id', () => {
  it('says the second in which it was made', () => {
    fc.assert(
      fc.property(anyTime, (now) => {
        const id = newRequestId(now);
        expect(id).toMatch(/^req_[0-9A-Za-z]{22}$/);
        expect(timeOfRequestId(id)).toBe(now - (now % 1_000));
      }),
    );
  });

  it('sorts as the times do', () => {
    fc.assert(
      fc.property(anyTime, anyTime, (one, other) => {
        fc.pre(one + 1_000 <= other);
        expect(newRequestId(one) < newRequestId(other)).toBe(true);
      }),
    );
  });

  it('never comes twice, also not in the same second', () => {
    const now = Date.now();
    const ids = new Set(Array.from({ length: 20_000 }, () => newRequestId(now)));
    expect(ids.size).toBe(20_000);
  });

  it.each(['', 'req_', 'req_1', `${newRequestId(0)}0`, newId('key'), `${newRequestId(0)}\n`])(
    'is not %j',
    (text) => {
      expect(timeOfRequestId(text)).toBeNull();
    },
  );
});
