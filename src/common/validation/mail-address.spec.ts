import { describe, expect, it } from 'vitest';

import { isMailAddress } from './mail-address.js';

describe('isMailAddress', () => {
  it.each([
    'ops@example.com',
    'a@b.example',
    "first.last+tag-of_o'neil@mail.example.co",
    `${'a'.repeat(64)}@example.com`,
    'ops@bücher.example',
    'ops@example.xn--p1ai',
  ])('takes %j', (address) => expect(isMailAddress(address)).toBe(true));

  it.each([
    '',
    'ops',
    'a@b',
    '@example.com',
    'a..b@example.com',
    '.a@example.com',
    'a@-example.com',
    'a@example..com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(57)}.com`,
    'Ops <ops@example.com>',
    'a@example.com,b@example.com',
    'a@example.com\r\nBcc: b@example.com',
    '"a b"@example.com',
    '"a"@example.com',
    'ä@example.com',
    ['ops@example.com'],
    null,
  ])('refuses %j', (value) => expect(isMailAddress(value)).toBe(false));
});
