import { describe, expect, it } from 'vitest';

import { recordable, recordableText } from './recordable.js';

describe('recordable', () => {
  it('leaves out what looks like a secret, and what PostgreSQL can’t hold', () => {
    expect(
      recordable({ url: 'https://u:hunter2hunter2@x', list: ['a\0b', 'half \ud800 a pair 🎉'] }),
    ).toEqual({ url: 'https://u:[redacted]@x', list: ['a\uFFFDb', 'half \uFFFD a pair 🎉'] });
  });

  it('keeps no more than the length and the hash of what is too long', () => {
    const facts = { text: 'x'.repeat(70_000) };
    expect(recordable(facts)).toEqual({
      omitted_bytes: 70_011,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(recordableText('y'.repeat(2_000))).toBe(`${'y'.repeat(1_023)}…`);
  });
});
