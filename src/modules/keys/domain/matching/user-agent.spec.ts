import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';

import { checkUserAgentPattern, compileUserAgents } from './user-agent.js';

const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

describe('checkUserAgentPattern', () => {
  it.each([
    '^MyApp/\\d+\\.\\d+',
    'Chrome/(\\d{2,3})\\.',
    '(?i)bot|crawler|spider',
    '^(?:curl|wget)/[\\d.]+$',
    '\\bpython-requests\\b',
    '^(?P<name>\\w+)/\\d{1,3}(?:\\.\\d{1,3}){3}$',
    '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
    '\\pL+/\\pN',
    '\\x{41}\\Q.*\\E',
    'a'.repeat(256),
    '(?i)' + 'bot|'.repeat(63),
  ])('lets %s pass', (pattern) => {
    expect(checkUserAgentPattern(pattern)).toBeNull();
  });

  it.each([
    ['', /empty/],
    ['a'.repeat(257), /longer than 256/],
    ['(a)\\1', /back-references/],
    ['(?P<n>a)(?P=n)', /back-references/],
    ['(?<n>a)\\k<n>', /back-references/],
    ['(?=a)', /look-around/],
    ['(?!a)', /look-around/],
    ['(?<=a)b', /look-around/],
    ['(?<!a)b', /look-around/],
    ['(', /missing closing \)/],
    ['a)', /unexpected \)/],
    ['[a-z', /missing closing ]/],
    ['*a', /missing argument/],
    ['a**', /invalid nested repetition/],
    ['a\\', /trailing backslash/],
    ['\\p{Nonsense}', /not a valid RE2/],
    ['\\u0041', /not a valid RE2/],
    ['\\C', /not a valid RE2/],
    ['a{1001}', /not a valid RE2|too large/],
    ['a{1000}', /too large/],
    ['(?:a{30}){30}', /too large/],
    ['x{0,1000}'.repeat(28), /too large/],
    [`(?:${'a'.repeat(240)}){1000}`, /too large/],
    ['((a{1,10}){1,10}){1,10}', /too large/],
  ])('refuses %s', (pattern, reason) => {
    expect(checkUserAgentPattern(pattern)).toMatch(reason);
  });
});

describe('compileUserAgents', () => {
  const matches = compileUserAgents(['curl/8.0.1'], ['^MyApp/\\d', 'Chrome/\\d+', '(?i)openai']);

  it.each([
    ['curl/8.0.1', true],
    ['CURL/8.0.1', false],
    ['curl/8.0.1 ', false],
    ['curl/8.0.11', false],
    ['MyApp/1', true],
    ['MyApp/１', false],
    ['myapp/1', false],
    ['evil MyApp/1', false],
    ['evil\nMyApp/1', false],
    ['\tMyApp/1', false],
    ['MyApp/1\u0000evil', true],
    [CHROME, true],
    ['OpenAI/Python 1.0', true],
    ['\ud83dOPENAI', true],
    ['', false],
    [`${'a'.repeat(505)}OpenAI`, true],
    [`${'a'.repeat(512)}OpenAI`, false],
  ])('%j: %s', (userAgent, expected) => {
    expect(matches(userAgent)).toBe(expected);
    expect(matches(userAgent)).toBe(expected);
  });

  it('reads no more of a very long value than its beginning', () => {
    expect(matches('a'.repeat(1_000_000))).toBe(false);
    expect(matches('MyApp/1'.repeat(1_000_000))).toBe(true);
    expect(checkUserAgentPattern('a'.repeat(1_000_000))).toMatch(/longer than 256/);
  });

  it('matches nothing without names and patterns, nor by a pattern that is refused', () => {
    expect(compileUserAgents([], [])('')).toBe(false);
    expect(compileUserAgents([], ['', '(?=a)', 'a{1000}'])('a'.repeat(512))).toBe(false);
  });

  it('still answers right after more user agents and patterns than it remembers', () => {
    for (let i = 0; i < 200; i++) {
      const isApp = compileUserAgents([], [`^App${i}/\\d+$`]);
      expect(isApp(`App${i}/1`)).toBe(true);
      expect(matches(`MyApp/${i}`)).toBe(true);
      expect(matches(`Other/${i}`)).toBe(false);
    }
  });
});

/** What makes a backtracking engine, or a careless RE2, slow: each family with the input that it is slow on. */
function evilPatterns(): { pattern: string; input: string }[] {
  const run = 'a'.repeat(511) + '!';
  const random = Array.from({ length: 512 }, (_, i) => 'ab'[((i * i * 7919) >> 3) & 1]).join('');
  const families: [string[], string][] = [];
  const bodies = ['a', '[ab]', '\\w', '.', '[^!]', '\\pL', '(?i)a', 'a|a', 'a|ab|b', 'a?'];
  for (const b of bodies) {
    families.push([
      [`^(${b})+$`, `^((${b})+)+$`, `^((${b})*)*$`, `((${b})*)*!!`, `(${b}|${b})*!!$`],
      run,
    ]);
    families.push([[`^((${b})+)+\\d$`, `((${b})+(${b})+)+\\d`, `(?:(${b})*(${b})*)*\\d$`], run]);
    for (const n of [2, 5, 10, 20, 30, 60, 100, 300, 1000]) {
      families.push([[`(?:${b}){${n}}$`, `(?:(?:${b})*a){${n}}$`, `((${b})?){${n}}\\b$`], random]);
      families.push([[`[ab]*a(?:${b}){${n}}$`, `(?:${b}){0,${n}}(?:${b}){${n}}\\d`], random]);
    }
    families.push([[`(?:(?:${b}){9}){9}`, `(?:(?:(?:${b}){6}){6}){6}`, `${b}{1000}{1000}`], run]);
  }
  families.push([
    [
      '(x+x+)+y',
      '^([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*(@){1}[a-z0-9]+[.]{1}(([a-z]{2,3}))$',
      '^(([a-z])+.)+[A-Z]([a-z])+$',
      '^\\w+([-+.]\\w+)*@\\w+([-.]\\w+)*\\.\\w+$',
      '(.*)(.*)(.*)(.*)(.*)(.*)(.*)\\d$',
      '(?:.*?.*?){70}\\d',
      '.*.*=.*',
      '(\\w+\\s?)*$',
      '(?:[^\\pL\\pN]|\\pL){140}\\d$',
      '\\b(?:a?b?){50}\\b$',
      '\\pL{1000}'.repeat(4),
      '(?i)[\\x{0}-\\x{10FFFF}]{250}\\d',
      '(?:'.repeat(60) + 'a' + ')?'.repeat(60),
      '('.repeat(100) + 'a' + ')*'.repeat(51) + ')'.repeat(49),
      'a?'.repeat(100) + 'a'.repeat(50),
      '(?:a|b|ab|ba|aab|bba|abab)*a[ab]{250}$',
      '(a?){100}a{100}',
    ],
    random,
  ]);
  return families.flatMap(([patterns, input]) => patterns.map((pattern) => ({ pattern, input })));
}

describe('evil patterns', () => {
  const evil = evilPatterns();

  it('number at least 500, all different', () => {
    expect(new Set(evil.map(({ pattern }) => pattern)).size).toBeGreaterThanOrEqual(500);
  });

  it('are refused, or compiled and matched in bounded time', () => {
    let refused = 0;
    const compileMs: number[] = [];
    const matchMs: number[] = [];
    for (const { pattern, input } of evil) {
      const start = performance.now();
      const isRefused = checkUserAgentPattern(pattern) !== null;
      const middle = performance.now();
      compileUserAgents([], [pattern])(input);
      const end = performance.now();
      expect(end - start, pattern).toBeLessThan(250);
      compileMs.push(middle - start);
      if (isRefused) refused++;
      else matchMs.push(end - middle);
    }
    console.info(
      `${evil.length} evil patterns, ${refused} refused; check ${spread(compileMs)}; match ${spread(matchMs)}`,
    );
  });
});

function spread(times: number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(2);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
}
