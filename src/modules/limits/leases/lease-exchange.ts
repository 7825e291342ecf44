import { setTimeout as sleep } from 'node:timers/promises';

import { within } from '#common/time/within.js';
import type { Logger } from '#platform/observability/logger.js';

import type { AllowanceAlerts } from '../allowance-alerts.js';
import type { AllowanceStore, Holder, LeaseAsk, UsedLease } from '../store/allowance-store.port.js';
import type { Lease } from './lease.js';

/** Leases in one exchange: a statement of some milliseconds. */
const MAX_ASKS = 500;
/** A caller is answered within 5 s, so a store must be given up sooner. */
const STORE_PATIENCE_MS = 2_000;
/** How often a store that was away is tried while nobody asks for anything. */
const RETRY_MS = 500;
/** Fences of one epoch. */
const EPOCH = 2 ** 32;

/** What is said of a lease, and asked for. */
type Demand = {
  readonly lease: Lease;
  readonly spent: number;
  readonly need: number;
  readonly want: number;
};

/** Called after an exchange that these leases took part in. Where it failed, their store is away. */
export type ExchangeListener = (leases: readonly Lease[]) => void;

/** What an exchange is between. */
type Parties = {
  readonly store: AllowanceStore;
  readonly holderId: string;
  /** All leases of allowances that are in this store. */
  readonly leases: () => Iterable<Lease>;
  readonly onExchange: ExchangeListener;
};

/**
 * Exchanges leases with one store: one exchange at a time, for all leases together, so what a holder says arrives in
 * order, and the store is asked some times a second however many calls there are.
 */
export class LeaseExchange {
  readonly #dirty = new Set<Lease>();
  /** Of the last exchange. */
  #fence = 0;
  #running: Promise<void> | null = null;
  #awayUntil = 0;

  constructor(
    private readonly parties: Parties,
    private readonly alerts: AllowanceAlerts,
    private readonly logger: Logger,
  ) {}

  /**
   * Takes the place of a predecessor on the same data folder.
   * @param used what it used
   * @param abandoned holders whose calls run no more, and of which nobody knows what they used
   */
  async begin(used: readonly UsedLease[], abandoned: readonly string[]): Promise<void> {
    const { store, holderId } = this.parties;
    this.#fence = (await store.nextEpoch()) * EPOCH;
    for (const id of abandoned) await store.recover({ id, fence: this.#fence }, null);
    await store.recover({ id: holderId, fence: this.#fence }, used);
  }

  /** Tells the store what it does not know yet, as long as it answers. */
  async end(): Promise<void> {
    await this.#running;
    this.#markUnreported();
    while (this.#dirty.size > 0 && !this.isAway) await this.#exchangeSome();
  }

  /** Whether the store did not answer when it was asked last, and is not to be waited for. */
  get isAway(): boolean {
    return performance.now() < this.#awayUntil;
  }

  /** Lets the lease take part in the next exchange, which begins at once if none is under way. */
  ask(lease: Lease): void {
    this.#mark(lease);
    this.#running ??= this.#run();
  }

  #mark(lease: Lease): void {
    if (lease.isDirty) return;
    lease.isDirty = true;
    this.#dirty.add(lease);
  }

  async #run(): Promise<void> {
    // What is asked for within this turn of the event loop goes together.
    await new Promise(setImmediate);
    try {
      while (this.#dirty.size > 0) {
        // What is held of a share can’t be used while an exchange that would give it back is under way.
        if (this.isAway) await sleep(RETRY_MS, undefined, { ref: false });
        await this.#exchangeSome();
      }
    } finally {
      this.#running = null;
    }
  }

  async #exchangeSome(): Promise<void> {
    const now = performance.now();
    const leases: Lease[] = [];
    for (const lease of this.#dirty) {
      if (leases.length === MAX_ASKS) break;
      this.#dirty.delete(lease);
      lease.isDirty = false;
      leases.push(lease);
    }
    try {
      await within(STORE_PATIENCE_MS, this.#exchange(leases, now), 'The store did not answer.');
      this.#backAgain();
    } catch (error) {
      for (const lease of leases) lease.exchangeFailed();
      this.#gone(error);
    }
    this.parties.onExchange(leases);
  }

  async #exchange(leases: readonly Lease[], now: number): Promise<void> {
    const fence = ++this.#fence;
    const demands = leases.map((lease): Demand => {
      lease.beforeExchange();
      return { lease, spent: lease.spent, ...lease.demand(now) };
    });
    const windows = demands.filter(({ lease }) => !lease.isRate);
    const rates = demands.filter(({ lease }) => lease.isRate);
    await Promise.all([
      windows.length > 0 && this.#exchangeWindows({ id: this.parties.holderId, fence }, windows),
      rates.length > 0 && this.#takeRates(rates),
    ]);
  }

  async #exchangeWindows(holder: Holder, demands: readonly Demand[]): Promise<void> {
    this.alerts.metrics.exchanged();
    const answers = await this.parties.store.exchange(holder, demands.map(toAsk));
    // A later one may have begun because this one took too long: then this one’s answer is of the past.
    if (holder.fence !== this.#fence) return;
    const now = performance.now();
    for (const [index, { lease, need, spent }] of demands.entries()) {
      const answer = answers[index];
      if (!answer) continue;
      lease.afterExchange(answer, { need, spent, now });
      if (answer.reached) this.alerts.tell(lease, answer.reached);
    }
  }

  async #takeRates(demands: readonly Demand[]): Promise<void> {
    this.alerts.metrics.exchanged();
    const answers = await this.parties.store.takeRates(
      demands.map(({ lease, need, want }) => {
        const { allowance, back } = lease;
        lease.back = 0;
        return {
          allowance: lease.id,
          organizationId: allowance.organizationId,
          perSecond: allowance.limit,
          burst: allowance.burst ?? allowance.limit,
          back,
          need,
          want,
        };
      }),
    );
    const now = performance.now();
    for (const [index, { lease, need, spent }] of demands.entries()) {
      const answer = answers[index];
      if (answer) lease.afterTaking(answer, { need, spent, now });
    }
  }

  #gone(error: unknown): void {
    this.#awayUntil = performance.now() + RETRY_MS;
    const { name } = this.parties.store;
    if (this.alerts.metrics.storeIsAway(name, true)) {
      this.logger.error({ err: error, store: name }, `Limits in ${name}: the store is away`);
    }
  }

  #backAgain(): void {
    this.#awayUntil = 0;
    const { name } = this.parties.store;
    if (!this.alerts.metrics.storeIsAway(name, false)) return;
    this.logger.info({ store: name }, `Limits in ${name}: the store is back`);
    // What was used without it counts for all from now on.
    this.#markUnreported();
  }

  #markUnreported(): void {
    for (const lease of this.parties.leases()) if (!lease.isReported) this.#mark(lease);
  }
}

function toAsk({ lease, spent, need, want }: Demand): LeaseAsk {
  const { allowance, window } = lease;
  const isSmooth = allowance.window === 'minute' && allowance.metric.endsWith('_tokens');
  return {
    allowance: lease.id,
    organizationId: allowance.organizationId,
    window,
    limit: allowance.limit,
    isParallel: lease.isParallel,
    debtFrom: isSmooth ? window.startsAt - (window.endsAt - window.startsAt) : null,
    keep: lease.exchangedAt === 0 ? null : lease.granted,
    spent,
    // More than there is of it can't be had; what many wait for could be more than the store has figures for.
    need: Math.min(need, lease.isFunded ? Number.MAX_SAFE_INTEGER : allowance.limit),
    waitingMs: lease.lineSince === null ? null : Math.round(performance.now() - lease.lineSince),
    want,
    alertAt:
      allowance.alertThreshold === null
        ? null
        : Math.ceil(allowance.limit * allowance.alertThreshold),
  };
}
