import { describe, expect, it } from 'vitest';

import { type AskedPeriod, timeSpanOf } from './export-period.js';

const NOW = Date.UTC(2026, 1, 15, 12);

describe('timeSpanOf', () => {
  it.each<[AskedPeriod, string, string]>([
    [{}, '2020-01-01T00:00:00.000Z', '2026-02-15T12:00:00.000Z'],
    [{ period: 'last_7d' }, '2026-02-08T12:00:00.000Z', '2026-02-15T12:00:00.000Z'],
    [{ period: 'last_month' }, '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'],
    [{ period: 'last_quarter' }, '2025-10-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    [{ period: 'last_year' }, '2025-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'],
    [
      { start_date: '2026-01-01', end_date: '2026-01-01' },
      '2026-01-01T00:00:00.000Z',
      '2026-01-02T00:00:00.000Z',
    ],
    [
      { start_date: '2026-01-01T01:00:00+01:00', end_date: '2099-01-01' },
      '2026-01-01T00:00:00.000Z',
      '2026-02-15T12:00:00.000Z',
    ],
  ])('of %j', (asked, from, to) => {
    const span = timeSpanOf(asked, NOW);
    expect([span.from.toISOString(), span.to.toISOString()]).toEqual([from, to]);
  });

  it.each<[AskedPeriod, string]>([
    [{ period: 'last_7d', end_date: '2026-01-01' }, 'period'],
    [{ start_date: '2026-13-01' }, 'start_date'],
    [{ start_date: '2027-01-01' }, 'start_date'],
    [{ start_date: '2026-01-02', end_date: '2026-01-01' }, 'start_date'],
  ])('refuses %j', (asked, param) => {
    expect(() => timeSpanOf(asked, NOW)).toThrow(expect.objectContaining({ param }) as Error);
  });
});
