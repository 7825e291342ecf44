import { randomInt } from 'node:crypto';

/** The seed of this run: `PROOF_SEED`, to repeat a run, or a new one. */
export function chooseSeed(): number {
  const given = Number(process.env.PROOF_SEED);
  return Number.isInteger(given) && given > 0 ? given : randomInt(1, 2 ** 32);
}

/** Numbers in [0, 1) that the seed alone decides: Mulberry32 (Tommy Ettinger, 2017), fit for tests only. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function between(random: () => number, least: number, most: number): () => number {
  return () => least + random() * (most - least);
}
