import { describe, expect, it } from 'vitest';

import { NOTICE_MS, type Retention, retentionFrom } from './retention.js';

const NOW = Date.parse('2026-11-28T10:00:00Z');
const LATER = NOW + NOTICE_MS;
const kept = (days: number, shorter: Retention['shorter'] = null): Retention => ({ days, shorter });

describe('how long entries are kept', () => {
  it.each<[string, Retention, number, number, Retention]>([
    ['the same is the same', kept(90), 90, NOW, kept(90)],
    ['more counts at once', kept(90), 365, NOW, kept(365)],
    ['less counts in a week', kept(365), 90, NOW, kept(365, { days: 90, from: LATER })],
    [
      'not before it is over',
      kept(365, { days: 90, from: LATER }),
      90,
      LATER - 1,
      kept(365, { days: 90, from: LATER }),
    ],
    ['but then', kept(365, { days: 90, from: LATER }), 90, LATER, kept(90)],
    ['who takes it back ends it', kept(365, { days: 90, from: LATER }), 365, NOW, kept(365)],
    [
      'still less begins the week anew, however long ago the other began',
      kept(365, { days: 90, from: NOW }),
      30,
      NOW,
      kept(365, { days: 30, from: LATER }),
    ],
    [
      'somewhat more, and still less than before, does not',
      kept(365, { days: 90, from: LATER }),
      180,
      NOW + 1,
      kept(365, { days: 180, from: LATER }),
    ],
  ])('%s', (_, known, wanted, now, expected) => {
    expect(retentionFrom(known, wanted, now)).toEqual(expected);
  });
});
