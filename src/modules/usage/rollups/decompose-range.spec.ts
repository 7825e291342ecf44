import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  decomposeLongRange,
  decomposeRange,
  decomposeRanges,
  type Span,
} from './decompose-range.js';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;
const SIZE_MS = { minute: MINUTE_MS, hour: 60 * MINUTE_MS, day: DAY_MS, week: 7 * DAY_MS };
const minute = fc.integer({ min: 0, max: 1_000_000 }).map((count) => count * MINUTE_MS);

function byTime(spans: readonly Span[]): Span[] {
  return [...spans].sort((a, b) => a.fromMs - b.fromMs);
}

describe.each([
  ['decomposeRange', decomposeRange],
  ['decomposeLongRange', decomposeLongRange],
])('%s', (_, decompose) => {
  it('covers each minute once, with whole buckets, and few of them', () => {
    fc.assert(
      fc.property(minute, minute, (one, other) => {
        const [fromMs, toMs] = [Math.min(one, other), Math.max(one, other)];
        const spans = byTime(decompose(fromMs, toMs));
        let reached = fromMs;
        for (const span of spans) {
          expect(span.fromMs).toBe(reached);
          expect(span.toMs).toBeGreaterThan(span.fromMs);
          for (const boundary of [span.fromMs, span.toMs]) {
            if (span.grain === 'week') expect(new Date(boundary).getUTCDay()).toBe(1);
            expect(boundary % Math.min(DAY_MS, SIZE_MS[span.grain])).toBe(0);
          }
          reached = span.toMs;
        }
        expect(reached).toBe(toMs);
        const count = (grain: Span['grain']): number =>
          spans
            .filter((span) => span.grain === grain)
            .reduce((sum, span) => sum + (span.toMs - span.fromMs) / SIZE_MS[grain], 0);
        expect(count('minute')).toBeLessThanOrEqual(118);
        expect(count('hour')).toBeLessThanOrEqual(46);
        if (decompose === decomposeLongRange) expect(count('day')).toBeLessThanOrEqual(12);
        else expect(count('week')).toBe(0);
      }),
    );
  });
});

describe('decomposeRanges', () => {
  it('never reaches over a boundary with one bucket, and joins what touches', () => {
    fc.assert(
      fc.property(fc.uniqueArray(minute, { minLength: 2, maxLength: 20 }), (moments) => {
        const boundaries = moments.sort((a, b) => a - b);
        const spans = decomposeRanges(boundaries);
        for (const { grain, fromMs, toMs } of spans) {
          for (const boundary of boundaries) {
            if (boundary > fromMs && boundary < toMs) expect(boundary % SIZE_MS[grain]).toBe(0);
          }
        }
        const length = spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
        expect(length).toBe((boundaries.at(-1) ?? 0) - (boundaries[0] ?? 0));
        const ends = new Set(spans.map(({ grain, toMs }) => `${grain} ${toMs}`));
        expect(spans.filter(({ grain, fromMs }) => ends.has(`${grain} ${fromMs}`))).toEqual([]);
      }),
    );
  });
});
