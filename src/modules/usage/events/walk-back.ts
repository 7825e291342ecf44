import { SearchTimeoutError } from '../usage.errors.js';

const MINUTE_MS = 60_000;
const FIRST_SPAN_MS = 60 * MINUTE_MS;
const MIN_SPAN_MS = MINUTE_MS;
const MAX_SPAN_MS = 32 * 24 * 60 * MINUTE_MS;
/** By how much less is read at a time after it took too long. */
const SHRINKS_BY = 8;
const MAX_ELAPSED_MS = 2_000;

/** Milliseconds since the Unix epoch; `from` included, `to` not. */
export type Stretch = { readonly from: number; readonly to: number };

export type WalkTools<Row> = {
  /**
   * The newest `limit` rows of the stretch.
   * @throws {SearchTimeoutError} when that takes too long
   */
  readonly read: (stretch: Stretch, limit: number) => Promise<Row[]>;
  readonly elapsedMs: () => number;
};

/**
 * Reads rows from the newest back, a stretch of time after the other: each is longer than the one before as long as that goes
 * well. So a search that finds little ends: after two seconds it answers what there is, and how far it got.
 * @returns `reached`: all rows from there on are answered; `null` when there are enough, or no more
 * @throws {SearchTimeoutError} when not even the newest minute can be read
 */
export async function walkBack<Row>(
  { from, to }: Stretch,
  limit: number,
  { read, elapsedMs }: WalkTools<Row>,
): Promise<{ rows: Row[]; reached: number | null }> {
  const rows: Row[] = [];
  let reached = to;
  let span = FIRST_SPAN_MS;
  while (reached > from && rows.length < limit) {
    if (reached < to && elapsedMs() > MAX_ELAPSED_MS) return { rows, reached };
    const start = Math.max(from, reached - span);
    try {
      rows.push(...(await read({ from: start, to: reached }, limit - rows.length)));
      reached = start;
      span = Math.min(MAX_SPAN_MS, span * 2);
    } catch (error) {
      if (!(error instanceof SearchTimeoutError)) throw error;
      if (span > MIN_SPAN_MS) span = Math.max(MIN_SPAN_MS, span / SHRINKS_BY);
      else if (reached < to) return { rows, reached };
      else throw error;
    }
  }
  return { rows, reached: null };
}
