import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { AUDIT_ACTIONS, AUDIT_EVENT_TYPES } from '#platform/audit-trail/audit-actions.js';

const pageOf = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

describe('docs/audit-actions.md', () => {
  const rows = [
    ...pageOf('audit-actions.md').matchAll(/^\| `([\w.]+)`\s*\| `(\w+)`\s*\|(.*)\|$/gm),
  ];

  it('lists each action once, with its type, in the order of the source', () => {
    const listed = rows.map(([, action, type]) => [action, type]);
    expect(listed).toEqual(Object.entries(AUDIT_ACTIONS));
  });

  it('says of each when it is', () => {
    expect(rows.filter(([, , , when = '']) => when.trim().length < 8)).toEqual([]);
  });
});

describe('docs/audit.md', () => {
  it('names every type of event', () => {
    const page = pageOf('audit.md');
    expect(AUDIT_EVENT_TYPES.filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
  });
});
