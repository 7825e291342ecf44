import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { REPOSITORY } from '../support/gateway-process.js';

const PAGE = readFileSync(join(REPOSITORY, 'docs/failure-contract.md'), 'utf8');
const ROWS = PAGE.split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2);

describe('docs/failure-contract.md', () => {
  it('has rows', () => {
    expect(ROWS.length).toBeGreaterThanOrEqual(15);
  });

  it.each(
    ROWS.map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    ),
  )('%s: is held by a test that exists', (...cells) => {
    const [, file = '', title = ''] = /^`(\S+)`: (.+)$/.exec(cells.at(-1) ?? '') ?? [];
    expect(title).not.toBe('');
    expect(readFileSync(join(REPOSITORY, file), 'utf8')).toContain(title);
  });
});
