import { randomInt } from 'node:crypto';

import type { Candidate } from '#modules/catalog/index.js';

/** Which of two candidates is to be taken: below 0 for `a`, above for `b`, 0 where weight decides. A total order. */
export type Rank = (a: Candidate, b: Candidate) => number;

export type ProviderNames = ReadonlySet<string> | null;
type Names = ((name: string) => boolean) | null;

export const byPriority: Rank = (a, b) => a.priority - b.priority;

export const byPrice: Rank = (a, b) => {
  const difference = a.bothNanosPerMillion - b.bothNanosPerMillion;
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return byPriority(a, b);
};

export const byWeightAlone: Rank = () => 0;

/**
 * The first by `rank` of those whose provider both lists allow; among equals one by weight. `null` where none is allowed.
 * It passes over the candidates twice, so that it need not make a list of them for each call.
 */
export function chooseCandidate(
  candidates: readonly Candidate[],
  allows: Names,
  names: ProviderNames,
  rank: Rank,
): Candidate | null {
  let best: Candidate | null = null;
  let weight = 0;
  for (const candidate of candidates) {
    if (!isAllowed(candidate, allows, names)) continue;
    const order: number = best === null ? -1 : rank(candidate, best);
    if (order > 0) continue;
    if (order < 0) {
      best = candidate;
      weight = 0;
    }
    weight += candidate.weight;
  }
  if (best === null || weight === best.weight) return best;
  let ticket = randomInt(weight);
  for (const candidate of candidates) {
    if (rank(candidate, best) !== 0 || !isAllowed(candidate, allows, names)) continue;
    ticket -= candidate.weight;
    if (ticket < 0) return candidate;
  }
  throw new Error('A ticket below the sum of the weights must be somebody’s.');
}

/** Whether the key alone, whatever its projects and the request say, may use any of them. */
export function allowsAny(candidates: readonly Candidate[], allows: Names): boolean {
  return candidates.some((candidate) => isAllowed(candidate, allows, null));
}

function isAllowed({ provider }: Candidate, allows: Names, names: ProviderNames): boolean {
  return (allows === null || allows(provider.name)) && (names === null || names.has(provider.name));
}
