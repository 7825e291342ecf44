import { describe, expect, it } from 'vitest';

import type { Environment } from '#common/auth/principal.js';

import { generateKeySecret, isWellFormedKey } from './key-secret.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ONE = 'pr-test-000000000000000000000000003hI8Az';

function generate(environment: Environment = 'production', brand = 'pr'): string {
  return generateKeySecret(brand, environment).reveal();
}

describe('generateKeySecret', () => {
  it(
    'never makes a key twice, nor one that is malformed, in a million',
    { timeout: 60_000 },
    () => {
      const keys = new Set<string>();
      let malformed = 0;
      for (let made = 0; made < 1_000_000; made++) {
        const key = generate();
        keys.add(key);
        if (!isWellFormedKey(key, 'pr')) malformed++;
      }
      expect([keys.size, malformed]).toEqual([1_000_000, 0]);
    },
  );

  it('uses each character of the alphabet, each equally often', () => {
    const counts = new Map<string, number>();
    const samples = 50_000;
    for (let made = 0; made < samples; made++) {
      for (const character of generate().slice('pr-live-'.length, -6)) {
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
    }
    expect([...counts.keys()].toSorted().join('')).toBe([...ALPHABET].toSorted().join(''));
    const expected = (samples * 26) / ALPHABET.length;
    const chiSquared = [...counts.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    );
    // 61 degrees of freedom: a fair generator exceeds 145 once in a hundred million runs.
    expect(chiSquared).toBeLessThan(145);
  });

  it.each([
    ['production', 'live'],
    ['staging', 'test'],
    ['development', 'test'],
  ] as const)('says in a key of %s that it is a %s one', (environment, segment) => {
    const key = generate(environment, 'acme');
    expect(key).toMatch(new RegExp(`^acme-${segment}-[0-9A-Za-z]{32}$`));
    expect(isWellFormedKey(key, 'acme')).toBe(true);
  });
});

describe('isWellFormedKey', () => {
  it('knows the worked example of docs/key-format.md', () => {
    expect(isWellFormedKey(ONE, 'pr')).toBe(true);
  });

  it('finds every change of a single character', () => {
    const changesOf = (key: string): string[] =>
      [...key].flatMap((original, at) =>
        [...ALPHABET, '-', '_', ' ']
          .filter((character) => character !== original)
          .map((character) => key.slice(0, at) + character + key.slice(at + 1)),
      );
    for (const key of [ONE, ...Array.from({ length: 50 }, () => generate())]) {
      expect(changesOf(key).filter((changed) => isWellFormedKey(changed, 'pr'))).toEqual([]);
    }
  });

  it.each([
    ['nothing', ''],
    ['less', ONE.slice(0, -1)],
    ['more', `${ONE}0`],
    ['another brand', ONE.replace('pr', 'px')],
    ['a longer brand', `x${ONE}`],
    ['another environment', ONE.replace('test', 'prod')],
    ['its environment exchanged', ONE.replace('test', 'live')],
    ['another case', ONE.toUpperCase()],
    ['white space around it', ` ${ONE} `],
    ['a line end', `${ONE}\n`],
    ['a character beyond ASCII', ONE.replace('h', 'ｈ')],
    ['two characters exchanged', ONE.replace('3h', 'h3')],
  ])('is false for a key with %s', (_, text) => {
    expect(isWellFormedKey(text, 'pr')).toBe(false);
  });
});
