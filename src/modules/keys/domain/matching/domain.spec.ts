import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compileDomains, domainCovers, hostOfUrl, normalizeDomainPattern } from './domain.js';

const soup = fc.string({
  unit: fc.constantFrom(
    'a',
    'B',
    '1',
    '.',
    '-',
    '*',
    'é',
    '。',
    ':',
    '@',
    '/',
    '%41',
    'xn--',
    '\u00ad',
  ),
});

describe('normalizeDomainPattern', () => {
  it.each([
    ['App.Example.COM', 'app.example.com'],
    ['*.Example.com', '*.example.com'],
    ['example.com.', 'example.com'],
    ['*.example.com.', '*.example.com'],
    ['localhost', 'localhost'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.BÜCHER.example', '*.xn--bcher-kva.example'],
    ['app。example．com', 'app.example.com'],
    ['my_host.internal', 'my_host.internal'],
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['[2001:DB8:0::1]', '2001:db8::1'],
    ['[::ffff:10.0.0.1]', '10.0.0.1'],
  ])('writes %s as %s', (text, canonical) => {
    expect(normalizeDomainPattern(text)).toBe(canonical);
  });

  it.each([
    '',
    '.',
    '*',
    '*.',
    '*.*.example.com',
    'a.*.example.com',
    'app*.example.com',
    '*example.com',
    '*.10.0.0.1',
    '*.[::1]',
    '*.4',
    'example.com:443',
    'example.com/',
    'https://example.com',
    'user@example.com',
    'example..com',
    '.example.com',
    'example.com..',
    ' example.com',
    'exa\tmple.com',
    'example.com\n',
    'ex%61mple.com',
    'example.com\\evil.com',
    'example.com#evil.com',
    'example.com?evil.com',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '１２７.0.0.1',
    '[::1',
    '::1]',
    '[fe80::1%eth0]',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(127)}com`,
  ])('refuses %j', (text) => {
    expect(normalizeDomainPattern(text)).toBeNull();
  });

  it('is stable', () => {
    fc.assert(
      fc.property(fc.oneof(soup, fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
        const canonical = normalizeDomainPattern(text);
        if (canonical !== null) expect(normalizeDomainPattern(canonical)).toBe(canonical);
      }),
    );
  });
});

describe('domainCovers', () => {
  it.each([
    ['*.x.com', 'a.x.com', true],
    ['*.x.com', '*.a.x.com', true],
    ['*.x.com', '*.x.com', true],
    ['*.x.com', 'x.com', false],
    ['*.x.com', 'evilx.com', false],
    ['*.a.x.com', '*.x.com', false],
    ['a.x.com', '*.x.com', false],
    ['x.com', 'x.com', true],
  ])('%s covers %s: %s', (outer, inner, covers) => {
    expect(domainCovers(outer, inner)).toBe(covers);
  });
});

describe('compileDomains', () => {
  const matches = compileDomains(['x.com', '*.y.com', '10.0.0.1', '::1']);

  it.each([
    ['x.com', true],
    ['X.COM', true],
    ['x.com.', true],
    ['x。com', true],
    ['a.x.com', false],
    ['y.com', false],
    ['a.y.com', true],
    ['a.b.y.com', true],
    ['evily.com', false],
    ['.y.com', false],
    ['*.y.com', false],
    ['a.y.com.evil.com', false],
    ['evil.com/.y.com', false],
    ['evil.com#.y.com', false],
    ['evil.com\\.y.com', false],
    ['evil.com%2f.y.com', false],
    ['evil.com\t.y.com', false],
    ['evil.com@a.y.com', false],
    ['x.com:443', false],
    ['10.0.0.1', true],
    ['[::ffff:10.0.0.1]', true],
    ['[::1]', true],
    ['0:0:0:0:0:0:0:1', true],
    ['', false],
  ])('%j: %s', (host, expected) => {
    expect(matches(host)).toBe(expected);
  });
});

describe('hostOfUrl', () => {
  it.each([
    ['https://App.X.com', 'app.x.com'],
    ['https://app.x.com:8443/a?b#c', 'app.x.com'],
    ['https://app.x.com@evil.com/', 'evil.com'],
    ['https://app.x.com:pw@evil.com/', 'evil.com'],
    ['https://app.x.com%40evil.com/', null],
    ['https://app.x.com./', 'app.x.com'],
    ['https://app。x。com/', 'app.x.com'],
    ['https://%61pp.x.com/', 'app.x.com'],
    ['http://127.1/', '127.0.0.1'],
    ['http://0x7f000001/', '127.0.0.1'],
    ['http://[::ffff:127.0.0.1]:80/', '127.0.0.1'],
    ['https://evil.com\\@app.x.com/', null],
    ['https://app\t.x.com/', null],
    [' https://app.x.com/', null],
    ['https:app.x.com', null],
    ['https:///app.x.com', 'app.x.com'],
    ['//app.x.com', null],
    ['ftp://app.x.com', null],
    ['javascript://app.x.com', null],
    ['app.x.com', null],
    ['null', null],
    ['', null],
    ['https://', null],
    ['https://a..b/', null],
  ])('of %j is %j', (text, host) => {
    expect(hostOfUrl(text)).toBe(host);
  });

  it('is null for very long values', () => {
    expect(hostOfUrl(`https://app.x.com/${'a'.repeat(1_000_000)}`)).toBeNull();
    expect(normalizeDomainPattern('a'.repeat(1_000_000))).toBeNull();
    expect(compileDomains(['*.y.com'])(`${'a.'.repeat(500_000)}y.com`)).toBe(false);
  });

  it('gives what normalizing would give, and never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          soup.map((host) => `https://${host}`),
          fc.ipV6().map((ip) => `http://[${ip}]/`),
          fc.string(),
        ),
        (text) => {
          const host = hostOfUrl(text);
          if (host !== null) expect(normalizeDomainPattern(host)).toBe(host);
        },
      ),
    );
  });
});
