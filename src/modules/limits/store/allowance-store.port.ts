import type { Window } from '../domain/windows.js';

/** What a holder says of one of its leases, and asks for on top. Whole numbers. */
export type LeaseAsk = {
  readonly allowance: string;
  readonly organizationId: string;
  readonly window: Window;
  /** Unless the store itself knows how much has been paid in. */
  readonly limit: number;
  /** Calls in flight end with their process: who is not heard of for {@link HOLDER_TTL_MS} holds no parallel requests. */
  readonly isParallel: boolean;
  /** What was used beyond the limit in the window before, which began then, counts in this one; `null`: it does not. */
  readonly debtFrom: number | null;
  /** What the holder has used and keeps of what it was granted; `null`: whatever the store has it down for. */
  readonly keep: number | null;
  /** What it has settled. */
  readonly spent: number;
  /** Granted as far as there is so much. */
  readonly need: number;
  /** How long the oldest call waits in line for a parallel request to end; `null`: none does. */
  readonly waitingMs: number | null;
  /** Granted on top while there is plenty: a share of what is left. */
  readonly want: number;
  /** So much granted, and somebody is told; `null`: only when all of it is. */
  readonly alertAt: number | null;
};

export type LeaseAnswer = {
  /** What the holder is down for without what was granted now. */
  readonly kept: number;
  readonly granted: number;
  /** Granted to all holders together, this one included; above the limit where more was used than could be foreseen. */
  readonly total: number;
  /** Of that, what is settled as far as the holders have said. */
  readonly spent: number;
  readonly holders: number;
  /** What was paid in and is the limit; `null`: the one that was asked with. */
  readonly funded: number | null;
  /** How long the oldest call of the other holders waits in line; `null`: none does. */
  readonly othersWaitingMs: number | null;
  /** What has been reached with this exchange, and not before in this window; `null`: nothing. */
  readonly reached: 'threshold' | 'limit' | null;
};

/** A limit per second is a rate: GCRA, on the store's clock. */
export type RateAsk = {
  readonly allowance: string;
  readonly organizationId: string;
  readonly perSecond: number;
  /** How many may go at once. */
  readonly burst: number;
  /** Of what was granted earlier, what will not be used. */
  readonly back: number;
  readonly need: number;
  readonly want: number;
};

export type RateAnswer = {
  readonly granted: number;
  /** What would have been free besides. */
  readonly left: number;
  /** Milliseconds until one more is free. */
  readonly nextInMs: number;
};

/** What a predecessor on the same data folder really used. */
export type UsedLease = {
  readonly allowance: string;
  readonly startsAt: number;
  readonly used: number;
};

/** One allowance in one window, as all holders together have it. */
export type AllowanceState = {
  readonly allowance: string;
  readonly startsAt: number;
  readonly total: number;
  readonly spent: number;
  /** What of that one holder is down for, who may know better. */
  readonly own: { readonly total: number; readonly spent: number };
};

export const HOLDER_TTL_MS = 20_000;
/** Whose calls wait is heard of many times a second; who is not for so long has died, and nobody lets them go first. */
export const WAITING_TTL_MS = 1_000;

/** One process at a time on one data folder, and where it stands in the order of what it says. */
export type Holder = { readonly id: string; readonly fence: number };

/**
 * Where the instances share what is granted. The sum of what it grants of an allowance in a window never exceeds the
 * limit. What a holder says is absolute, and fenced: said twice or too late it changes nothing.
 */
export abstract class AllowanceStore {
  /** As people know it. */
  abstract readonly name: 'PostgreSQL' | 'Redis';

  /** A number above all that were given out before: a holder's fences begin there. */
  abstract nextEpoch(): Promise<number>;

  /**
   * Puts a holder down, in all its leases, for what it really used; what is not named it did not use. Calls of its that
   * ran then run no more.
   * @param used `null`: nobody knows, so it stays down for all that it was granted
   */
  abstract recover(holder: Holder, used: readonly UsedLease[] | null): Promise<void>;

  /**
   * Of parallel requests a holder is granted what is left when each of the others whose oldest call waits longer has one.
   * @param asks each for another lease
   * @returns an answer for each, in order; `null` where a later exchange has overtaken this one
   */
  abstract exchange(holder: Holder, asks: readonly LeaseAsk[]): Promise<(LeaseAnswer | null)[]>;

  /** @returns an answer for each, in order */
  abstract takeRates(asks: readonly RateAsk[]): Promise<RateAnswer[]>;

  /**
   * Those of one organization; one that was never asked for is left out.
   * @param holderId whose {@link AllowanceState.own} part is told
   */
  abstract read(
    organizationId: string,
    windows: readonly { readonly allowance: string; readonly startsAt: number }[],
    holderId: string,
  ): Promise<AllowanceState[]>;

  /**
   * Of those of one organization that were ever taken from.
   * @returns by allowance, milliseconds until what was taken is made good
   */
  abstract readRates(
    organizationId: string,
    allowances: readonly string[],
  ): Promise<ReadonlyMap<string, number>>;

  /** Forgets windows that are long over. */
  abstract sweep(): Promise<void>;

  /** Gives up what it holds open for itself. */
  abstract close(): void;
}
