import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileReferrers, normalizeReferrerPattern, referrerCovers } from './referrer.js';

describe('normalizeReferrerPattern', () => {
  it.each([
    ['https://app.x.com/*', 'https://app.x.com/*'],
    ['HTTPS://App.X.com:443/Docs/*', 'https://app.x.com/Docs/*'],
    ['https://*.x.com/docs/*', 'https://*.x.com/docs/*'],
    ['https://app.x.com', 'https://app.x.com/'],
    ['https://*.x.com?a=*', 'https://*.x.com/?a=*'],
    ['https://app.x.com/a/../b/*', 'https://app.x.com/b/*'],
    ['https://app.x.com/bücher/*', 'https://app.x.com/b%C3%BCcher/*'],
    ['https://app.x.com/@evil.com/*', 'https://app.x.com/@evil.com/*'],
    ['http://[::1]:3000/*', 'http://[::1]:3000/*'],
    ['https://app.x.com//evil.com/*', 'https://app.x.com//evil.com/*'],
  ])('writes %s as %s', (text, canonical) => {
    expect(normalizeReferrerPattern(text)).toBe(canonical);
    expect(normalizeReferrerPattern(canonical)).toBe(canonical);
  });

  it.each([
    '',
    '*',
    '/docs/*',
    '//app.x.com/*',
    'app.x.com/*',
    '*://app.x.com/*',
    'https://*',
    'https://*/*',
    'https://app.x.com*',
    'https://app.x.com*/',
    'https://app.*.com/*',
    'https://app.x.com:*/',
    'https://user@app.x.com/*',
    'https://app.x.com@evil.com/*',
    'https://app.x.com./*',
    'https://app.x.com/#a',
    'https://app.x.com\\evil/*',
    'https://app.x.com/a\\b',
    'https://app.x.com/a b',
    'https://app.x.com/\t*',
    'https://app.x.com/*\n',
    'ftp://app.x.com/*',
    'chrome-extension://abc/*',
    'https://app.x.com/*/*/*/*/*',
    `https://app.x.com/${'a'.repeat(500)}`,
    `https://app.x.com/${'ü'.repeat(100)}`,
  ])('refuses %j', (text) => {
    expect(normalizeReferrerPattern(text)).toBeNull();
  });
});

describe('referrerCovers', () => {
  it.each([
    ['https://*.x.com/*', 'https://a.x.com/docs/*', true],
    ['https://*.x.com/*', 'https://*.x.com/*', true],
    ['https://*.x.com/*', 'https://x.com/', false],
    ['https://a.x.com/docs/*', 'https://a.x.com/*', false],
    ['https://a.x.com/docs/*', 'https://a.x.com/docs/b', true],
    ['https://a.x.com/*', 'https://*.x.com/*', false],
    ['https://a.x.com/*', 'http://a.x.com/*', false],
    ['https://a.x.com/*', 'https://a.x.com:8443/*', false],
    ['https://*.x.com/*', 'https://evil.com/.x.com/*', false],
  ])('%s covers %s: %s', (outer, inner, covers) => {
    expect(referrerCovers(outer, inner)).toBe(covers);
  });
});

describe('compileReferrers', () => {
  const matches = compileReferrers([
    'https://app.x.com/*',
    'https://*.y.com/docs/*',
    'https://z.com/exact',
    'https://q.com/?a=*&b',
  ]);

  it.each([
    ['https://app.x.com/', true],
    ['https://app.x.com', true],
    ['HTTPS://APP.X.COM/a', true],
    ['https://app.x.com:443/a?b#c', true],
    ['https://user:pw@app.x.com/', true],
    ['https://app.x.com:8443/', false],
    ['http://app.x.com/', false],
    ['https://app.x.com.evil.com/', false],
    ['https://app.x.com@evil.com/', false],
    ['https://app.x.com:pw@evil.com/', false],
    ['https://app.x.com./', false],
    ['https://evil.com/https://app.x.com/', false],
    ['https://evil.com?https://app.x.com/', false],
    ['https://evil.com#https://app.x.com/', false],
    ['https://evil.com\\@app.x.com/', false],
    ['https://app.x。com/', true],
    ['https://app\t.x.com/', false],
    [' https://app.x.com/', false],
    ['//app.x.com/', false],
    ['https://a.y.com/docs/', true],
    ['https://a.b.y.com/docs/c?d', true],
    ['https://a.y.com/docs', false],
    ['https://a.y.com/docs/../admin', false],
    ['https://a.y.com/docs/%2e%2e/admin', false],
    ['https://a.y.com/x/../docs/a', true],
    ['https://a.y.com/DOCS/a', false],
    ['https://a.y.com//docs/a', false],
    ['https://y.com/docs/a', false],
    ['https://.y.com/docs/a', false],
    ['https://evily.com/docs/a', false],
    ['https://evil.com/.y.com/docs/a', false],
    ['https://z.com/exact', true],
    ['https://z.com/exact#a', true],
    ['https://z.com/exact?', true],
    ['https://z.com/exact?a', false],
    ['https://z.com/exact/', false],
    ['https://q.com/?a=1&b', true],
    ['https://q.com/?a=1', false],
    ['about:blank', false],
    ['null', false],
    ['', false],
  ])('%j: %s', (referer, expected) => {
    expect(matches(referer)).toBe(expected);
  });

  it('matches long values up to what a browser sends', () => {
    expect(matches(`https://app.x.com/${'a'.repeat(4000)}`)).toBe(true);
    expect(matches(`https://app.x.com/${'a'.repeat(1_000_000)}`)).toBe(false);
    expect(normalizeReferrerPattern(`https://app.x.com/${'*a'.repeat(500_000)}`)).toBeNull();
  });

  it('never matches another host than that of the pattern', () => {
    const soup = fc.string({
      unit: fc.constantFrom('a', '.', '/', '@', ':', '#', '?', '\\', '%', '*', 'app.x.com', '\t'),
    });
    fc.assert(
      fc.property(soup, (text) => {
        const referer = `https://${text}app.x.com/${text}`;
        if (matches(referer)) {
          expect(new URL(referer).hostname).toMatch(/^(app\.x\.com|.+\.y\.com|[qz]\.com)$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
