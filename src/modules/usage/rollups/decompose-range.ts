import { GRAINS, type RollupGrain, WEEK_ORIGIN_MS } from './rollup-sql.js';

/** Of a range as much as can be is covered by the coarsest. */
const COARSEST_FIRST = [...GRAINS].reverse();
const GRAIN_MS: Readonly<Record<RollupGrain, number>> = {
  week: 604_800_000,
  day: 86_400_000,
  hour: 3_600_000,
  minute: 60_000,
};

/** Whole buckets of a grain, from the first one's start to the last one's end, in ms since the epoch. */
export type Span = { readonly grain: RollupGrain; readonly fromMs: number; readonly toMs: number };

/** The fewest roll-ups that a range of whole minutes is made of: days of UTC inside, hours and minutes at its ends. */
export function decomposeRange(fromMs: number, toMs: number): Span[] {
  return cover(fromMs, toMs, COARSEST_FIRST);
}

/** With weeks in it, which not all roll-ups have. */
export function decomposeLongRange(fromMs: number, toMs: number): Span[] {
  return cover(fromMs, toMs, ['week', ...COARSEST_FIRST]);
}

/** Where the bucket ends that a time is in; the time itself where one begins. */
export function endOfBucket(grain: RollupGrain, ms: number): number {
  return roundTo(grain, ms, Math.ceil);
}

function roundTo(grain: RollupGrain, ms: number, round: (count: number) => number): number {
  const origin = grain === 'week' ? WEEK_ORIGIN_MS : 0;
  return round((ms - origin) / GRAIN_MS[grain]) * GRAIN_MS[grain] + origin;
}

function cover(fromMs: number, toMs: number, [grain, ...finer]: readonly RollupGrain[]): Span[] {
  if (grain === undefined || fromMs >= toMs) return [];
  if (finer.length === 0) return [{ grain, fromMs, toMs }];
  const first = roundTo(grain, fromMs, Math.ceil);
  const last = roundTo(grain, toMs, Math.floor);
  if (first >= last) return cover(fromMs, toMs, finer);
  return [
    ...cover(fromMs, first, finer),
    { grain, fromMs: first, toMs: last },
    ...cover(last, toMs, finer),
  ];
}

/**
 * Of ranges that follow each other, such that no roll-up reaches over a boundary. What touches is one span.
 * @param boundariesMs the ranges' starts and the last one's end, whole minutes, ascending
 */
export function decomposeRanges(boundariesMs: readonly number[]): Span[] {
  const spans = boundariesMs
    .slice(1)
    .flatMap((toMs, index) => decomposeRange(boundariesMs[index] ?? toMs, toMs));
  return COARSEST_FIRST.flatMap((grain) =>
    joinTouching(spans.filter((span) => span.grain === grain)),
  );
}

function joinTouching(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans) {
    const last = joined.at(-1);
    if (last?.toMs === span.fromMs) joined[joined.length - 1] = { ...last, toMs: span.toMs };
    else joined.push(span);
  }
  return joined;
}
