import { describe, expect, it } from 'vitest';

import type { ProjectSettings } from '../project-settings.port.js';
import { compileRules, type OwnSettings } from './compile-rules.js';

function own(projectId: string | null, fields: Partial<ProjectSettings> = {}): OwnSettings {
  const defaults = {
    preference: 'balanced',
    allowedProviders: null,
    allowOverwrite: true,
  } as const;
  return { projectId, settings: { ...defaults, ...fields } };
}

describe('compileRules', () => {
  it('is nothing where nothing is set', () => {
    expect(compileRules([])).toBeNull();
  });

  it('gives a key of no project the organization’s, and a project its own', () => {
    const rules = compileRules([
      own(null, { preference: 'cost' }),
      own('p', { preference: 'speed' }),
    ]);
    expect(rules?.of([])?.preference).toBe('cost');
    expect(rules?.of(['p'])?.preference).toBe('speed');
    expect(rules?.of(['without'])?.preference).toBe('cost');
    expect(compileRules([own('p')])?.of([])).toBeNull();
  });

  it.each([
    [
      [['a', 'b'], null],
      ['a', 'b'],
    ],
    [
      [
        ['a', 'b'],
        ['b', 'c'],
      ],
      ['b'],
    ],
    [[['a'], ['b']], []],
    [[null, null], null],
  ])('of several projects leaves the providers that each allows: %j', (lists, expected) => {
    const rows = lists.map((allowedProviders, at) => own(`p${at}`, { allowedProviders }));
    const allowed = compileRules(rows)?.of(['p0', 'p1'])?.allowedProviders ?? null;
    expect(allowed && [...allowed]).toEqual(expected);
  });

  it('of several projects enforces where one does, and prefers cost to speed to balance', () => {
    const rules = compileRules([
      own('free', { preference: 'speed' }),
      own('strict', { allowOverwrite: false }),
      own('cheap', { preference: 'cost' }),
    ]);
    expect(rules?.of(['free', 'strict'])).toMatchObject({
      allowOverwrite: false,
      preference: 'speed',
    });
    expect(rules?.of(['free', 'cheap'])).toMatchObject({
      allowOverwrite: true,
      preference: 'cost',
    });
  });

  it('works a list of projects out once', () => {
    const rules = compileRules([own('a'), own('b')]);
    const projects = ['a', 'b'];
    expect(rules?.of(projects)).toBe(rules?.of(projects));
  });
});
