import { describe, expect, it } from 'vitest';

import { Secret } from '#common/secret/secret.js';

import { generateKeySecret } from './key-secret.js';
import { changesOfLeakedKey, leakReason, type LeakedKeyState, leakSource } from './leaked-key.js';

const NOW = new Date('2026-11-21T10:00:00Z');
const BEFORE = new Date(NOW.getTime() - 1_000);
const LATER = new Date(NOW.getTime() + 1_000);
const ACTIVE: LeakedKeyState = {
  disabledAt: null,
  disabledReason: null,
  enableAt: null,
  revokedAt: null,
};
const REVOKED = { revokedAt: NOW, revokedReason: 'why' };
const DISABLED = { disabledAt: NOW, disabledReason: 'why', enableAt: null };

describe('changesOfLeakedKey', () => {
  it.each<[string, Partial<LeakedKeyState>, unknown, unknown]>([
    ['is active', {}, REVOKED, DISABLED],
    ['is revoked', { revokedAt: BEFORE }, null, null],
    ['is to be revoked later', { revokedAt: LATER }, REVOKED, DISABLED],
    ['is disabled', { disabledAt: BEFORE, disabledReason: 'odd' }, REVOKED, DISABLED],
    ['is disabled for it', { disabledAt: BEFORE, disabledReason: 'Leaked: x' }, REVOKED, null],
    ['comes back by itself', { disabledAt: BEFORE, enableAt: LATER }, REVOKED, DISABLED],
    ['has come back by itself', { disabledAt: BEFORE, enableAt: NOW }, REVOKED, DISABLED],
  ])('of one that %s', (_, state, revoked, disabled) => {
    const key = { ...ACTIVE, ...state };
    expect(changesOfLeakedKey(key, 'revoke', 'why', NOW)).toEqual(revoked);
    expect(changesOfLeakedKey(key, 'disable', 'why', NOW)).toEqual(disabled);
  });
});

describe('the reason', () => {
  const key = generateKeySecret('pr', 'production');
  const random = key.reveal().slice('pr-live-'.length);
  const report = { key, source: 'gitleaks', url: null };

  it.each([
    [null, 'Leaked: gitleaks'],
    ['', 'Leaked: gitleaks'],
    ['https://git.example/a#L1', 'Leaked: gitleaks, https://git.example/a#L1'],
    ['a\u0000b\r\nc\u2028d', 'Leaked: gitleaks, a b c d'],
  ])('of a key at %j', (url, reason) => expect(leakReason({ ...report, url })).toBe(reason));

  it.each([
    `https://git.example/?key=${key.reveal()}`,
    `https://git.example/secret_${key.reveal()}`,
    `https://git.example/pr%2Dlive%2D${random}`,
    `https://user:${key.reveal()}@git.example/`,
    `${'x'.repeat(470)}${key.reveal()}`,
    `Bearer ${key.reveal()}`,
  ])('has no secret in it: %.40s', (text) => {
    for (const said of [
      leakReason({ ...report, url: text }),
      leakSource({ ...report, source: text }),
    ]) {
      for (let at = 0; at + 8 <= random.length; at++) {
        expect(said).not.toContain(random.slice(at, at + 8));
      }
    }
  });

  it('has no other secret in it', () => {
    const other = generateKeySecret('pr', 'staging').reveal();
    const url = `https://git.example/?a=${other}&b=sk-proj-abcdefghijklmnop`;
    expect(leakReason({ ...report, url })).toBe(
      'Leaked: gitleaks, https://git.example/?a=[redacted]&b=[redacted]',
    );
  });

  it('has a bound', () => {
    const long = { key: new Secret('x'), source: 'x y'.repeat(1_000), url: 'z'.repeat(10_000) };
    expect(leakReason(long)).toHaveLength(500);
    expect(leakSource(long)).toHaveLength(100);
  });
});
