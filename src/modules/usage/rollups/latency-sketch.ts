/**
 * Latencies are counted in buckets whose bounds grow by a constant factor, so that any percentile is told to within
 * {@link ACCURACY}, and two sketches are merged by adding their counts (DDSketch: Masson, Rim, Lee, VLDB 2019). Bucket `i`
 * holds what is above `GAMMA ** (i - 1)` and up to `GAMMA ** i` milliseconds; bucket 0 all up to one millisecond.
 */
const ACCURACY = 0.02;
export const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);

/** The bucket of the longest latency that a record can tell. */
const LAST_BUCKET = Math.ceil(Math.log(2 ** 31) / Math.log(GAMMA));

/** What is stored of a sketch: for each bucket its number in two bytes, big-endian, and its count in four. */
export const PAIR_BYTES = 6;

export function readSketch(bytes: Buffer | null): LatencySketch {
  const sketch = new LatencySketch();
  for (let at = 0; bytes !== null && at < bytes.length; at += PAIR_BYTES) {
    sketch.add(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2));
  }
  return sketch;
}

/** Counts of calls by the bucket of their latency. */
export class LatencySketch {
  readonly #counts = new Float64Array(LAST_BUCKET + 1);
  #total = 0;
  /** What lies between these two is counted; nothing else. */
  #lowest = LAST_BUCKET;
  #highest = 0;

  add(bucket: number, count: number): void {
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#total += count;
    this.#lowest = Math.min(this.#lowest, bucket);
    this.#highest = Math.max(this.#highest, bucket);
  }

  /**
   * The latencies, in milliseconds, that these shares of all calls did not exceed (nearest rank); 0 of no call.
   * @param shares ascending
   */
  quantiles<const Shares extends readonly number[]>(
    shares: Shares,
  ): { readonly [Index in keyof Shares]: number } {
    let bucket = this.#lowest;
    let seen = this.#counts[bucket] ?? 0;
    const valueAt = (share: number): number => {
      if (this.#total === 0) return 0;
      const rank = Math.max(1, Math.ceil(share * this.#total));
      while (seen < rank) seen += this.#counts[++bucket] ?? Infinity;
      return (2 * GAMMA ** bucket) / (GAMMA + 1);
    };
    return shares.map(valueAt) as { readonly [Index in keyof Shares]: number };
  }

  addAll(other: LatencySketch): void {
    for (let bucket = other.#lowest; bucket <= other.#highest; bucket++) {
      const count = other.#counts[bucket] ?? 0;
      if (count > 0) this.add(bucket, count);
    }
  }
}
