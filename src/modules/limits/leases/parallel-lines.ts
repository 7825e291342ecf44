import type { Lease } from './lease.js';
import type { LeaseKeeper } from './lease-keeper.service.js';
import { WaitingLine } from './waiting-line.js';

const MAX_QUEUE_MS = 30_000;
/** How often a lease that calls wait for in line is asked for again: another instance may have a place free. */
const LINE_POLL_MS = 100;
/** The instance whose call is the next one of all may be given a place at any time. */
const NEXT_POLL_MS = 25;

/** A call that may stand in a line. */
export type Queueing<Waiter extends { readonly since: number }> = {
  /** When it came, on the monotonic clock. */
  readonly since: number;
  readonly claim: { readonly maxQueued: number; readonly hasPriority: boolean };
  /** In which it stands, or stood before its turn. */
  line: WaitingLine<Waiter> | null;
  /** When it has waited for too long. */
  timer: NodeJS.Timeout | null;
};

/** What becomes of calls that leave the line. */
export type Door<Waiter> = {
  /** Lets it in or refuses it; or its turn goes on until the store has answered. */
  readonly tryEnter: (waiter: Waiter) => void;
  readonly refuse: (waiter: Waiter, lease: Lease) => void;
};

/**
 * Where calls wait for their turn, by the lease of parallel requests. The store knows how long the oldest of each
 * instance waits, and gives a place to the one that waits longest; so must an instance that has one free.
 */
export class ParallelLines<Waiter extends Queueing<Waiter>> {
  readonly #lines = new Map<Lease, WaitingLine<Waiter>>();
  #poll: NodeJS.Timeout | null = null;

  constructor(
    private readonly keeper: Pick<LeaseKeeper, 'ask' | 'isAway'>,
    private readonly door: Door<Waiter>,
  ) {}

  has(lease: Lease): boolean {
    return this.#lines.has(lease);
  }

  hasRoom({ maxQueued }: Waiter['claim'], lease: Lease): boolean {
    return lease.isParallel && lease.inLine < maxQueued;
  }

  stand(waiter: Waiter, lease: Lease): void {
    const { maxQueued, hasPriority } = waiter.claim;
    const line = this.#lines.get(lease) ?? new WaitingLine<Waiter>();
    // Who was at its head already goes back there.
    if (waiter.line === null) {
      if (line.length >= maxQueued) {
        this.door.refuse(waiter, lease);
        return;
      }
      waiter.line = line;
      waiter.timer = setTimeout(() => this.door.refuse(waiter, lease), MAX_QUEUE_MS);
      line.add(waiter, hasPriority);
    } else {
      line.putBack(waiter);
    }
    this.#lines.set(lease, line);
    this.#measure(lease, line);
    this.#poll ??= setInterval(() => this.#pollAll(performance.now()), NEXT_POLL_MS).unref();
  }

  /** A call has ended: its place is for who waits longest, here or elsewhere. */
  free(lease: Lease): void {
    // What is given up without the store nobody gets.
    if (!lease.isYielding || this.keeper.isAway(lease)) {
      this.move(lease);
      return;
    }
    lease.giveUp();
    this.keeper.ask(lease);
  }

  /** Lets in whoever is next, as long as there is room. */
  move(lease: Lease): void {
    const line = this.#lines.get(lease);
    if (!line) return;
    let hasMoved = false;
    while (lease.idle > 0 && line.turn === null) {
      const next = line.next();
      if (!next) break;
      this.door.tryEnter(next);
      hasMoved = true;
    }
    this.#measure(lease, line);
    if (lease.lineSince === null) this.#lines.delete(lease);
    // The others are to know that the oldest is another one now, or that nobody waits here any more.
    const matters = lease.othersSince !== null || lease.lineSince === null;
    if (hasMoved && matters && lease.isSaidToWait) this.keeper.ask(lease);
  }

  /** Its place is free for the next one. */
  leave(waiter: Waiter): void {
    waiter.line?.remove(waiter);
    if (waiter.line?.turn === waiter) waiter.line.turn = null;
  }

  #measure(lease: Lease, line: WaitingLine<Waiter>): void {
    lease.inLine = line.length;
    lease.lineSince = line.since;
  }

  #pollAll(now: number): void {
    if (this.#lines.size === 0 && this.#poll) {
      clearInterval(this.#poll);
      this.#poll = null;
    }
    for (const [lease, line] of this.#lines) {
      if (this.keeper.isAway(lease)) continue;
      this.#measure(lease, line);
      const isNext = lease.othersSince !== null && !lease.isYielding;
      // In time for the next one: timers are not punctual.
      if (isNext || now - lease.exchangedAt > LINE_POLL_MS - NEXT_POLL_MS) this.keeper.ask(lease);
    }
  }
}
