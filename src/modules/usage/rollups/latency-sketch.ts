/**
 * Latencies are counted in buckets whose bounds grow by a constant factor, so that any percentile is told to within
 * {@link ACCURACY}, and two sketches are merged by adding their counts (DDSketch: Masson, Rim, Lee, VLDB 2019). Bucket `i`
 * holds what is above `GAMMA ** (i - 1)` and up to `GAMMA ** i` milliseconds; bucket 0 all up to one millisecond.
 */
const ACCURACY = 0.02;
export const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);

/** Counts by bucket, in the order of the buckets. */
export type LatencySketch = {
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
};

/**
 * The latency, in milliseconds, that the share `quantile` of all calls did not exceed (nearest rank).
 * @returns `null` for no call
 */
export function quantileOf({ buckets, counts }: LatencySketch, quantile: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const rank = Math.max(1, Math.ceil(quantile * total));
  let seen = 0;
  for (const [index, bucket] of buckets.entries()) {
    seen += counts[index] ?? 0;
    if (seen >= rank) return (2 * GAMMA ** bucket) / (GAMMA + 1);
  }
  return null;
}
