import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileOrigins, normalizeOriginPattern, originCovers } from './origin.js';

describe('normalizeOriginPattern', () => {
  it.each([
    ['https://app.example.com', 'https://app.example.com'],
    ['HTTPS://App.Example.COM/', 'https://app.example.com'],
    ['https://app.example.com:443', 'https://app.example.com'],
    ['http://app.example.com:80/', 'http://app.example.com'],
    ['https://app.example.com:80', 'https://app.example.com:80'],
    ['http://localhost:3000', 'http://localhost:3000'],
    ['https://*.Example.com:443', 'https://*.example.com'],
    ['https://*.com', 'https://*.com'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['https://app。example.com', 'https://app.example.com'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://[0:0::1]:80', 'http://[::1]'],
    ['chrome-extension://ABCdef', 'chrome-extension://abcdef'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['app+x.y://host:1', 'app+x.y://host:1'],
  ])('writes %s as %s', (text, canonical) => {
    expect(normalizeOriginPattern(text)).toBe(canonical);
  });

  it.each([
    '',
    '*',
    'null',
    '*://x.com',
    'https://*',
    'https://*.',
    'https://*:443',
    'https://*.*.x.com',
    'https://a.*.x.com',
    'https://a*.x.com',
    'https://*x.com',
    'https://*.10.0.0.1',
    'https://*.[::1]',
    'https://x.com:*',
    'https://x.com//',
    'https://x.com/a',
    'https://x.com?a',
    'https://x.com#a',
    'https://x.com\\',
    'https://user@x.com',
    'https://app.x.com@evil.com/',
    'https://user:pw@x.com',
    'https://x.com.',
    'https://x..com',
    'https://.x.com',
    'https://x.com:65536',
    'https://x.com:-1',
    'https://x.com:',
    'https://ex%61mple.com',
    'https://exa\tmple.com',
    'https://x.com\n',
    ' https://x.com',
    'https:x.com',
    'https:/x.com',
    'https:///x.com',
    '//x.com',
    'x.com',
    'chrome-extension://',
    'chrome-extension://a/b',
    '1x://host',
    `https://${'a'.repeat(64)}.com`,
    `https://${'a.'.repeat(130)}com`,
  ])('refuses %j', (text) => {
    expect(normalizeOriginPattern(text)).toBeNull();
  });

  it('is stable, and writes an origin as the URL standard does', () => {
    const label = fc.string({ unit: fc.constantFrom(...'abZ019-é'), minLength: 1, maxLength: 8 });
    const parts = fc.tuple(fc.constantFrom('http', 'https'), fc.array(label), fc.nat(65_535));
    fc.assert(
      fc.property(parts, ([scheme, labels, port]) => {
        const text = `${scheme}://${['a', ...labels, 'com'].join('.')}:${port}`;
        fc.pre(URL.canParse(text));
        expect(normalizeOriginPattern(text)).toBe(new URL(text).origin);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        const canonical = normalizeOriginPattern(`https://${text}`);
        if (canonical !== null) expect(normalizeOriginPattern(canonical)).toBe(canonical);
      }),
    );
  });
});

describe('originCovers', () => {
  it.each([
    ['https://*.x.com', 'https://a.x.com', true],
    ['https://*.x.com', 'https://*.a.x.com', true],
    ['https://*.x.com', 'https://*.x.com', true],
    ['https://*.x.com', 'https://x.com', false],
    ['https://*.x.com', 'http://a.x.com', false],
    ['https://*.x.com', 'https://a.x.com:8443', false],
    ['https://*.a.x.com', 'https://*.x.com', false],
    ['https://a.x.com', 'https://*.x.com', false],
  ])('%s covers %s: %s', (outer, inner, covers) => {
    expect(originCovers(outer, inner)).toBe(covers);
  });
});

describe('compileOrigins', () => {
  const matches = compileOrigins([
    'https://app.y.com',
    'https://*.x.com',
    'http://*.z.com:8080',
    'chrome-extension://abcdef',
  ]);

  it.each([
    ['https://app.y.com', true],
    ['HTTPS://APP.Y.COM', true],
    ['https://app.y.com:443', true],
    ['https://app.y.com/', true],
    ['https://app.y.com:444', false],
    ['http://app.y.com', false],
    ['https://app.y.com.', false],
    ['https://app.y.com.evil.com', false],
    ['https://app.y.com@evil.com', false],
    ['https://evil.com/https://app.y.com', false],
    ['https://app.y.com\t', false],
    ['https://app.y.com, https://evil.com', false],
    ['https://app.y.com https://evil.com', false],
    ['https://a.x.com', true],
    ['https://A.B.x.com', true],
    ['https://a.x.com:443', true],
    ['https://x.com', false],
    ['https://.x.com', false],
    ['https://*.x.com', false],
    ['https://evilx.com', false],
    ['https://evil.com/.x.com', false],
    ['https://evil.com#.x.com', false],
    ['https://evil.com\\.x.com', false],
    ['https://evil.com:1.x.com', false],
    ['https://evil.com@a.x.com', false],
    ['https://evil.com%2f.x.com', false],
    ['https://evil.com\u0000.x.com', false],
    ['https://evil.com／.x.com', false],
    ['http://a.x.com', false],
    ['https://a.x.com:8443', false],
    ['http://a.z.com:8080', true],
    ['http://a.z.com', false],
    ['chrome-extension://abcdef', true],
    ['chrome-extension://abcdef/x', false],
    ['moz-extension://abcdef', false],
    ['null', false],
    ['*', false],
    ['', false],
  ])('%j: %s', (origin, expected) => {
    expect(matches(origin)).toBe(expected);
  });

  it('matches no very long value', () => {
    expect(matches(`https://${'a.'.repeat(500_000)}x.com`)).toBe(false);
    expect(normalizeOriginPattern(`https://${'a'.repeat(1_000_000)}`)).toBeNull();
  });

  it('lets a wildcard match only what the URL standard calls a host below it', () => {
    const soup = fc.string({
      unit: fc.constantFrom('a', '.', '/', '@', ':', '#', '\\', '%', '*', '[', '.x.com', 'é', '\t'),
    });
    fc.assert(
      fc.property(soup, (text) => {
        const origin = `https://${text}.x.com`;
        if (matches(origin)) expect(new URL(origin).hostname).toMatch(/^[^.].*\.x\.com$/);
      }),
      { numRuns: 2000 },
    );
  });
});
