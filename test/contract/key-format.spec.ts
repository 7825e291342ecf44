import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';

import { generateKeySecret, isWellFormedKey } from '../../src/modules/keys/domain/key-secret.js';
import { blocksOf, isInstalled, runProgram } from '../support/doc-blocks.js';

const PAGE = 'docs/key-format.md';
const [checkInNode = '', make = ''] = blocksOf(PAGE, 'js');
const [checkInPython = ''] = blocksOf(PAGE, 'python');
const [gitleaks = ''] = blocksOf(PAGE, 'toml');

const KEYS = Array.from({ length: 300 }, (_, at) => {
  const brand = at % 3 === 0 ? 'pr' : `b${at}`;
  return generateKeySecret(brand, at % 2 === 0 ? 'production' : 'staging').reveal();
});
const JUNK = KEYS.flatMap((key, at) => {
  const place = at % key.length;
  const other = key[place] === 'x' ? 'y' : 'x';
  return [key.slice(0, place) + other + key.slice(place + 1), key.slice(1), `${key}0`];
}).concat('', 'pr-live-', 'ключ', 'pr-prod-000000000000000000000000003hI8Az');

/** Keys and junk by turns, so that an answer in the wrong place is seen. */
const LINES = JUNK.flatMap((junk, at) => [junk, KEYS[at % KEYS.length] as string]);
const ANSWERS = LINES.map((_, at) => (at % 2 === 0 ? 'no' : 'yes'));
const INPUT = `${LINES.join('\n')}\n`;

describe('docs/key-format.md', () => {
  it('has a program for Node that tells keys from junk', async () => {
    const answers = await runProgram(process.execPath, ['--input-type=module', '-e', checkInNode], {
      input: INPUT,
    });
    expect(answers.trimEnd().split('\n')).toEqual(ANSWERS);
  });

  it('has a program for Python that tells keys from junk', async ({ skip }) => {
    skip(!isInstalled('python3'), 'python3 is not installed');
    const env = { PYTHONIOENCODING: 'utf-8' };
    const answers = await runProgram('python3', ['-c', checkInPython], { input: INPUT, env });
    expect(answers.trimEnd().split('\n')).toEqual(ANSWERS);
  });

  it('has a program that makes a key', async () => {
    const made = await runProgram(process.execPath, ['--input-type=module', '-e', make]);
    expect(isWellFormedKey(made.trimEnd(), 'pr')).toBe(true);
  });

  const ours = KEYS.filter((key) => key.startsWith('pr-'));
  const places = (key: string): string[] => [
    key,
    `KEY=${key}`,
    `"${key}"`,
    `secret_${key}\n`,
    `https://a:${key}@git.example/`,
    `Bearer ${key}, more`,
  ];

  it('has a rule for gitleaks that finds keys, and them alone, with Go’s kind of expressions', () => {
    const rule = RE2JS.compile(/^regex = '''(.*)'''$/m.exec(gitleaks)?.[1] ?? '');
    const group = Number(/^secretGroup = (\d)$/m.exec(gitleaks)?.[1]);
    const keywords = JSON.parse(/^keywords = (.*)$/m.exec(gitleaks)?.[1] ?? '[]') as string[];
    const foundIn = (text: string): string | null => {
      const match = rule.matcher(text);
      return match.find() ? (match.group(group) ?? null) : null;
    };
    expect(ours.length).toBeGreaterThan(90);
    for (const key of ours) {
      for (const text of places(key)) expect(foundIn(text)).toBe(key);
      expect(foundIn(`x${key}`)).toBeNull();
      expect(foundIn(`${key}0`)).toBeNull();
      expect(keywords.some((keyword) => key.includes(keyword))).toBe(true);
    }
  });

  it('has a custom pattern for GitHub that finds keys, and them alone', () => {
    const fields = blocksOf(PAGE, '').join('\n');
    const field = (name: string): string =>
      new RegExp(`^${name}: (.*)$`, 'm').exec(fields)?.[1] ?? 'missing';
    const [secret, before, after] = ['Secret format', 'Before secret', 'After secret'].map(field);
    const pattern = RE2JS.compile(`(?:${before})(${secret})(?:${after})`);
    for (const key of ours) {
      for (const text of places(key)) {
        const match = pattern.matcher(text);
        expect([match.find(), match.group(1)]).toEqual([true, key]);
      }
      expect(pattern.matcher(`x${key}`).find()).toBe(false);
      expect(pattern.matcher(`${key}0`).find()).toBe(false);
    }
  });

  it('has an expression that fits every key, of any brand', () => {
    const [expression = ''] = blocksOf(PAGE, '').filter((block) => block.startsWith('^'));
    const pattern = new RegExp(expression.trim());
    expect(KEYS.filter((key) => !pattern.test(key))).toEqual([]);
    expect(pattern.test('pr-prod-000000000000000000000000003hI8Az')).toBe(false);
  });
});
