import { type Allowance, allowanceId } from './allowance.js';

/** A key's own limit and a budget for it count the same, so they are one allowance: the lower limit holds. */
export function lowestOfEach(allowances: readonly Allowance[]): Allowance[] {
  const lowest = new Map<string, Allowance>();
  for (const allowance of allowances) {
    const id = allowanceId(allowance);
    const other = lowest.get(id);
    if (!other || allowance.limit < other.limit) lowest.set(id, allowance);
  }
  return [...lowest.values()];
}
