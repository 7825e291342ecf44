import { expect, it } from 'vitest';

import { type NamedUsage, sumUsage } from '#modules/usage/index.js';

import { groupUsage } from './usage-groups.js';

const usage = (name: string | null, costNanos: bigint): NamedUsage => ({
  ...sumUsage([]),
  requests: 1,
  costNanos,
  name,
});

it('shows the hundred groups that cost most, and sums up all the rest', () => {
  const parts = Array.from({ length: 150 }, (_, index) => usage(`m${index}`, BigInt(index)));
  const { groups, other } = groupUsage([...parts, usage(null, 1_000n)], (name) => [name]);
  expect(groups.map(({ key }) => key)).toEqual(
    Array.from({ length: 100 }, (_, index) => `m${149 - index}`),
  );
  expect(other).toMatchObject({ requests: 51, costNanos: 1_000n + 1_225n });
});

it('brings together what belongs to a group', () => {
  const parts = [usage('a', 1n), usage('b', 2n), usage('c', 4n)];
  const { groups, other } = groupUsage(parts, (name) => [name === 'b' ? null : 'ac']);
  expect(groups.map(({ key, figures }) => [key, figures.costNanos])).toEqual([
    ['ac', 5n],
    [null, 2n],
  ]);
  expect(other).toBeNull();
});
