import { expect, it } from 'vitest';

import { amountsOf } from './amounts.js';

it('of a call that may use all that there is can be written down', () => {
  const most = Number.MAX_SAFE_INTEGER;
  for (const amount of amountsOf(most, most, most, most)) {
    expect(Number.isSafeInteger(amount)).toBe(true);
  }
});
