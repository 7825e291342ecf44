import { describe, expect, it } from 'vitest';

import { ID_PREFIXES, newId, randomBase62 } from './prefixed-id.js';

describe('newId', () => {
  it.each(Object.entries(ID_PREFIXES))('of a %s begins with %s_', (kind, prefix) => {
    const id = newId(kind as keyof typeof ID_PREFIXES);
    expect(id).toMatch(new RegExp(`^${prefix}_[0-9A-Za-z]{22}$`));
  });

  it('never comes twice', () => {
    const ids = new Set(Array.from({ length: 20_000 }, () => newId('request')));
    expect(ids.size).toBe(20_000);
  });
});

describe('randomBase62', () => {
  it.each([0, 1, 26, 10_000])('has %d characters', (length) => {
    expect(randomBase62(length)).toHaveLength(length);
  });

  it('draws each character equally often', () => {
    const text = randomBase62(620_000);
    const counts = new Map<string, number>();
    for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect(counts.size).toBe(62);
    // 10,000 each; six standard deviations are 600.
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(600);
  });
});
