import type { Lease } from './lease.js';
import type { LeaseKeeper } from './lease-keeper.service.js';
import { WaitingLine } from './waiting-line.js';

const MAX_QUEUE_MS = 30_000;
/** How often a lease that calls wait for in line is asked for again: another instance may have a place free. */
const LINE_POLL_MS = 100;

/** A call that may stand in a line. */
export type Queueing<Waiter extends object> = {
  readonly claim: { readonly maxQueued: number; readonly hasPriority: boolean };
  /** In which it stands, or stood before its turn. */
  line: WaitingLine<Waiter> | null;
  /** When it has waited for too long. */
  timer: NodeJS.Timeout | null;
};

/** What becomes of calls that leave the line. */
export type Door<Waiter> = {
  /** @returns whether it is let in or refused; else its turn goes on until the store has answered */
  readonly tryEnter: (waiter: Waiter) => boolean;
  readonly refuse: (waiter: Waiter, lease: Lease) => void;
};

/** Where calls wait for their turn, by the lease of parallel requests. */
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
    lease.inLine = line.length;
    this.#poll ??= setInterval(() => this.#pollAll(), LINE_POLL_MS).unref();
  }

  /** Lets in whoever is next, as long as there is room. */
  move(lease: Lease): void {
    const line = this.#lines.get(lease);
    if (!line) return;
    while (lease.idle > 0 && line.turn === null) {
      const next = line.next();
      if (!next) break;
      if (!this.door.tryEnter(next)) line.turn = next;
    }
    lease.inLine = line.length;
    if (line.length === 0 && line.turn === null) this.#lines.delete(lease);
  }

  /** Its place is free for the next one. */
  leave(waiter: Waiter): void {
    waiter.line?.remove(waiter);
    if (waiter.line?.turn === waiter) waiter.line.turn = null;
  }

  #pollAll(): void {
    if (this.#lines.size === 0 && this.#poll) {
      clearInterval(this.#poll);
      this.#poll = null;
    }
    for (const lease of this.#lines.keys()) if (!this.keeper.isAway) this.keeper.ask(lease);
  }
}
