import { Injectable, type OnModuleInit } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { Clock } from '#common/time/clock.js';
import { Instances } from '#platform/fanout/instances.js';

import type { Allowance } from './domain/allowance.js';
import type { Amounts } from './domain/amounts.js';
import { CallJournal } from './journal/call-journal.js';
import type { Lease } from './leases/lease.js';
import { LeaseKeeper } from './leases/lease-keeper.service.js';
import { Account, type LeaseSet } from './leases/lease-set.js';
import { ParallelLines } from './leases/parallel-lines.js';
import type { WaitingLine } from './leases/waiting-line.js';
import { limitReached } from './limit-state.js';
import { addRateLimitHeaders } from './rate-limit-headers.js';

/** A call that wants in. */
export type Claim = {
  readonly set: LeaseSet;
  /** The most that it may take. */
  readonly amounts: Amounts;
  /** Calls that may wait for a parallel request to end; 0: this one doesn’t either. */
  readonly maxQueued: number;
  readonly hasPriority: boolean;
  /**
   * The amounts with which it fits into what is left, or `null`.
   * @param idle what is left at most, of a call’s amount; `Infinity` where nothing limits it
   */
  fit(idle: (figure: number) => number): Amounts | null;
};

/** What a call has taken, until it is settled. */
export type Reservation = {
  readonly set: LeaseSet;
  readonly amounts: Amounts;
  /** Under which it is written down; 0: it is not. */
  ticket: number;
};

/** Resolves with what was taken; the caller gives it back with `settle`, once. */
export type Admission = {
  readonly reserved: Promise<Reservation>;
  /** The client has left: its place is free for the next one, and `reserved` is rejected. */
  readonly leave: () => void;
};

/** A call that waits: for the store, or for a call of the same key to end. */
type Waiter = {
  readonly claim: Claim;
  readonly since: number;
  readonly resolve: (reservation: Reservation) => void;
  readonly reject: (error: unknown) => void;
  line: WaitingLine<Waiter> | null;
  timer: NodeJS.Timeout | null;
  isDone: boolean;
};

/** When a limit that has no end may have room again. */
const SOON_MS = 1_000;

/** Takes a call's allowances together or not at all, at once where that is possible, and refuses what does not fit. */
@Injectable()
export class CallLimiter implements OnModuleInit {
  /** Calls that wait for the store, in order. */
  #asking: Waiter[] = [];
  readonly #lines: ParallelLines<Waiter>;

  constructor(
    private readonly keeper: LeaseKeeper,
    private readonly journal: CallJournal,
    private readonly instances: Instances,
    private readonly clock: Clock,
  ) {
    this.#lines = new ParallelLines(keeper, {
      tryEnter: (waiter) => this.#tryEnter(waiter),
      refuse: (waiter, lease) => this.#leave(waiter, this.#refusal(waiter.claim, lease)),
    });
  }

  /** @param matches whether a model is one of a name or pattern */
  openAccount(
    allowances: readonly Allowance[],
    matches: (pattern: string, model: string) => boolean,
  ): Account {
    return new Account(allowances, this.keeper, matches);
  }

  onModuleInit(): void {
    this.keeper.onExchange((leases) => this.#afterExchange(leases));
  }

  /**
   * @returns what was taken, or a way to wait for it
   * @throws {AppError} `rate_limit_exceeded`, `budget_exceeded`, `concurrency_limit_exceeded`, `service_unavailable`
   */
  admit(claim: Claim): Reservation | Admission {
    const now = performance.now();
    let lacking = this.#tryTake(claim, claim.amounts, now, false);
    if (lacking !== null) lacking = this.#takeShares(claim, lacking, now, false);
    if (lacking === null) return reservationOf(claim);
    if (now < lacking.closedUntil && !this.#lines.hasRoom(claim, lacking)) {
      return this.#takeLess(claim, now, false) ?? this.#refuse(claim, lacking);
    }
    return this.#wait(claim, lacking);
  }

  /**
   * Writes down what was taken, before the call goes out: so much counts as used if this process dies.
   * @param begun gets why it could not be written; then the call must not go out
   */
  begin(reservation: Reservation, begun: (error: AppError | null) => void): void {
    const { journaled } = reservation.set;
    if (journaled.length === 0) {
      begun(null);
      return;
    }
    this.journal.begin(journaled, reservation.amounts, (cause, ticket) => {
      if (cause === null) reservation.ticket = ticket;
      begun(cause && new AppError('service_unavailable', { cause }));
    });
  }

  /** @param used what it really took; never below zero */
  settle({ set, amounts, ticket }: Reservation, used: Amounts): void {
    if (ticket > 0) this.journal.end(ticket, used);
    for (const lease of set.leases) {
      const figure = lease.figure;
      lease.settle(amounts[figure] ?? 0, used[figure] ?? 0);
      if (lease.isParallel) this.#lines.free(lease);
    }
  }

  /** @returns the first lease that has not enough, or `null` when all is taken */
  #tryTake(claim: Claim, amounts: Amounts, now: number, isNextInLine: boolean): Lease | null {
    const { leases } = claim.set;
    for (const lease of leases) {
      const amount = amounts[lease.figure] ?? 0;
      if (amount === 0) continue;
      if (lease.idle < amount) return lease;
      // Who comes now does not overtake those who wait.
      if (lease.isParallel && !isNextInLine && this.#lines.has(lease)) return lease;
    }
    this.#reserve(leases, amounts, now);
    return null;
  }

  #reserve(leases: readonly Lease[], amounts: Amounts, now: number): void {
    let isLow = false;
    for (const lease of leases) {
      if (lease.reserve(amounts[lease.figure] ?? 0, now) && !lease.isDirty) isLow = true;
    }
    // Those that will run low soon may as well ask now, in the same exchange.
    if (isLow) for (const lease of leases) if (lease.runsLow) this.keeper.ask(lease);
  }

  #takeLess(claim: Claim, now: number, isNextInLine: boolean): Reservation | null {
    const amounts = claim.fit((figure) => {
      let least = Number.POSITIVE_INFINITY;
      for (const lease of claim.set.leases) {
        if (lease.figure === figure) least = Math.min(least, lease.idle);
      }
      return least;
    });
    if (!amounts || this.#tryTake(claim, amounts, now, isNextInLine) !== null) return null;
    return { set: claim.set, amounts, ticket: 0 };
  }

  /**
   * Goes on without a store that is away where that may be.
   * @returns the first lease that has not enough and whose store is there, or `null` when all is taken
   * @throws {AppError} the refusal, where it may not or nothing is left
   */
  #takeShares(claim: Claim, lacking: Lease, now: number, isNextInLine: boolean): Lease | null {
    let next: Lease | null = lacking;
    while (next !== null && this.keeper.isAway(next)) {
      if (!next.takeShare(this.instances.count, now)) {
        throw next.hasShare ? this.#refusal(claim, next) : storeIsAway();
      }
      next = this.#tryTake(claim, claim.amounts, now, isNextInLine);
    }
    return next;
  }

  #wait(claim: Claim, lacking: Lease): Admission {
    let waiter!: Waiter;
    const reserved = new Promise<Reservation>((resolve, reject) => {
      const since = performance.now();
      waiter = { claim, since, resolve, reject, line: null, timer: null, isDone: false };
    });
    if (lacking.isParallel && this.#lines.has(lacking)) this.#lines.stand(waiter, lacking);
    else this.#ask(waiter);
    const leave = (): void => {
      if (!waiter.isDone) this.#leave(waiter, hasLeft());
    };
    return { reserved, leave };
  }

  /** Asks for all that is lacking together. Whose turn it is keeps it until the store has answered. */
  #ask(waiter: Waiter): void {
    this.#asking.push(waiter);
    if (waiter.line !== null) waiter.line.turn = waiter;
    const { set, amounts } = waiter.claim;
    for (const lease of set.leases) {
      const amount = amounts[lease.figure] ?? 0;
      lease.waitingFor += amount;
      if (amount > 0 && lease.idle < lease.waitingFor) this.keeper.ask(lease);
    }
  }

  #stopAsking({ claim: { set, amounts } }: Waiter): void {
    for (const lease of set.leases) lease.waitingFor -= amounts[lease.figure] ?? 0;
  }

  #afterExchange(leases: readonly Lease[]): void {
    const asking = this.#asking;
    this.#asking = [];
    for (const waiter of asking) {
      this.#stopAsking(waiter);
      this.#tryAgain(waiter);
    }
    for (const lease of leases) if (lease.isParallel) this.#lines.move(lease);
  }

  #tryAgain(waiter: Waiter): void {
    const { claim, line } = waiter;
    if (line?.turn === waiter) line.turn = null;
    const now = performance.now();
    const lacking = this.#tryTake(claim, claim.amounts, now, line !== null);
    if (lacking === null) {
      this.#done(waiter, () => waiter.resolve(reservationOf(claim)));
    } else if (this.keeper.isAway(lacking)) {
      this.#takeSharesOrRefuse(waiter, lacking, now);
    } else if (now >= lacking.closedUntil && line === null) {
      // Its turn in an exchange is yet to come.
      this.#ask(waiter);
    } else if (lacking.isParallel) {
      this.#lines.stand(waiter, lacking);
    } else if (now >= lacking.closedUntil) {
      this.#ask(waiter);
    } else {
      this.#takeLessOrRefuse(waiter, lacking, now);
    }
  }

  #takeSharesOrRefuse(waiter: Waiter, lacking: Lease, now: number): void {
    try {
      const next = this.#takeShares(waiter.claim, lacking, now, waiter.line !== null);
      if (next === null) this.#done(waiter, () => waiter.resolve(reservationOf(waiter.claim)));
      else this.#ask(waiter);
    } catch (error) {
      this.#done(waiter, () => waiter.reject(error));
    }
  }

  #takeLessOrRefuse(waiter: Waiter, lacking: Lease, now: number): void {
    try {
      const less = this.#takeLess(waiter.claim, now, waiter.line !== null);
      if (!less) throw this.#refusal(waiter.claim, lacking);
      this.#done(waiter, () => waiter.resolve(less));
    } catch (error) {
      this.#done(waiter, () => waiter.reject(error));
    }
  }

  /** A call whose turn it is, and for which there is a place. */
  #tryEnter(waiter: Waiter): void {
    const { claim } = waiter;
    const now = performance.now();
    const lacking = this.#tryTake(claim, claim.amounts, now, true);
    if (lacking === null) this.#done(waiter, () => waiter.resolve(reservationOf(claim)));
    else if (now < lacking.closedUntil) this.#takeLessOrRefuse(waiter, lacking, now);
    else this.#ask(waiter);
  }

  #leave(waiter: Waiter, why: AppError): void {
    const index = this.#asking.indexOf(waiter);
    if (index >= 0) {
      this.#asking.splice(index, 1);
      this.#stopAsking(waiter);
    }
    this.#lines.leave(waiter);
    this.#done(waiter, () => waiter.reject(why));
  }

  #done(waiter: Waiter, tell: () => void): void {
    waiter.isDone = true;
    if (waiter.timer) clearTimeout(waiter.timer);
    tell();
  }

  #refuse(claim: Claim, lease: Lease): never {
    throw this.#refusal(claim, lease);
  }

  #refusal({ set }: Claim, lease: Lease): AppError {
    const now = this.clock.now();
    const resetsInMs = lease.window.endsAt - now;
    const headers: Record<string, string> = {};
    addRateLimitHeaders(headers, set, now);
    return limitReached(lease.state, Number.isFinite(resetsInMs) ? resetsInMs : SOON_MS, headers);
  }
}

function reservationOf({ set, amounts }: Claim): Reservation {
  return { set, amounts, ticket: 0 };
}

function hasLeft(): AppError {
  return new AppError('invalid_request', { message: 'The client has left.' });
}

function storeIsAway(): AppError {
  return new AppError('service_unavailable', {
    message: 'The limits of this API key can’t be looked up at the moment. Try again.',
    headers: { 'retry-after': '1' },
  });
}
