import type { RateAnswer } from './allowance-store.port.js';

/** @param aheadMs until what was taken of the rate is made good, this time included */
export function rateAnswer(taken: {
  readonly granted: number;
  readonly aheadMs: number;
  readonly perSecond: number;
  readonly burst: number;
}): RateAnswer {
  const { granted, aheadMs, perSecond, burst } = taken;
  const pace = 1_000 / perSecond;
  return {
    granted,
    left: Math.max(0, Math.floor(burst - aheadMs / pace)),
    nextInMs: Math.max(0, aheadMs + pace - burst * pace),
  };
}
