import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { within } from '#common/time/within.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { Allowance } from '../domain/allowance.js';
import { allowanceId } from '../domain/allowance.js';
import type { Window } from '../domain/windows.js';
import { windowAt } from '../domain/windows.js';
import { AllowanceAlerts } from '../allowance-alerts.js';
import { CallJournal } from '../journal/call-journal.js';
import { AllowanceStore, type Holder, type LeaseAsk } from '../store/allowance-store.port.js';
import { Lease } from './lease.js';

/** Leases in one exchange: a statement of some milliseconds. */
const MAX_ASKS = 500;
const MAX_LEASES = 200_000;
/** A caller is answered within 5 s, so the store must be given up sooner. */
const STORE_PATIENCE_MS = 2_000;
const TICK_MS = 250;
/** What was not used for so long goes back. */
const IDLE_MS = 1_000;
const IDLE_RATE_MS = 200;
/** A lease that nobody has used for so long is forgotten; the store keeps what it has spent. */
const FORGOTTEN_AFTER_MS = 60_000;
/** Parallel requests are held only by who is heard of. */
const HEARTBEAT_MS = 5_000;
/** Where all of them are taken, calls of other instances may wait for those that end here. */
const FULL_HEARTBEAT_MS = 1_000;
const SWEEP_MS = 60_000;
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

/** Called after an exchange that these leases took part in; with why it failed, if it did. */
export type ExchangeListener = (leases: readonly Lease[], failure: unknown) => void;

/**
 * Holds this process's leases and exchanges them with the store: what calls wait for at once, what will be needed soon
 * ahead of need, what is not used after a second. One exchange at a time, for all leases together, so what a holder says
 * arrives in order, and the store is asked some times a second however many calls there are.
 */
@Injectable()
export class LeaseKeeper implements OnModuleInit, OnApplicationShutdown {
  readonly #leases = new Map<string, Lease>();
  readonly #dirty = new Set<Lease>();
  readonly #listeners: ExchangeListener[] = [];
  /** Of the last exchange. */
  #fence = 0;
  #running: Promise<void> | null = null;
  #timers: NodeJS.Timeout[] = [];
  #awayUntil = 0;

  constructor(
    private readonly store: AllowanceStore,
    private readonly journal: CallJournal,
    private readonly alerts: AllowanceAlerts,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onModuleInit(): Promise<void> {
    const { holderId: id, left, abandoned } = this.journal;
    this.#fence = (await this.store.nextEpoch()) * EPOCH;
    for (const other of abandoned)
      await this.store.recover({ id: other, fence: this.#fence }, null);
    await this.store.recover({ id, fence: this.#fence }, left);
    this.#timers = [
      setInterval(() => this.#tick(performance.now()), TICK_MS).unref(),
      setInterval(() => void this.#sweep(), SWEEP_MS).unref(),
    ];
  }

  /** Calls have ended by now. What they did not use goes back. */
  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#running;
    for (const lease of this.#leases.values()) {
      lease.giveBack();
      if (!lease.isReported) this.#mark(lease);
    }
    while (this.#dirty.size > 0 && !this.isAway) await this.#exchangeSome();
    this.journal.close();
  }

  /** Whether the store did not answer when it was asked last, and is not to be waited for. */
  get isAway(): boolean {
    return performance.now() < this.#awayUntil;
  }

  onExchange(listener: ExchangeListener): void {
    this.#listeners.push(listener);
  }

  /**
   * The lease of an allowance in the window that `now` is in; its limit is what the allowance says at the moment.
   * @throws {AppError} `service_unavailable` when there are too many
   */
  leaseOf(allowance: Allowance, now: number): Lease {
    const window = windowAt(allowance.window, now);
    const name = nameOf(allowance, window);
    const known = this.#leases.get(name);
    if (known) {
      // What was taken in advance under a higher limit is not to be used under a lower one.
      if (allowance.limit < known.allowance.limit) known.giveBack();
      known.allowance = allowance;
      return known;
    }
    if (this.#leases.size >= MAX_LEASES) throw new AppError('service_unavailable');
    const lease = new Lease(allowance, window);
    this.#leases.set(name, lease);
    return lease;
  }

  get holderId(): string {
    return this.journal.holderId;
  }

  /** The lease that is held of an allowance in a window, if one is. */
  held(allowance: Allowance, window: Window): Lease | undefined {
    return this.#leases.get(nameOf(allowance, window));
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
      while (this.#dirty.size > 0) await this.#exchangeSome();
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
    let failure: unknown = null;
    try {
      await within(STORE_PATIENCE_MS, this.#exchange(leases, now), 'The store did not answer.');
      this.#backAgain();
    } catch (error) {
      failure = error;
      this.#gone(error);
    }
    for (const listener of this.#listeners) listener(leases, failure);
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
      windows.length > 0 && this.#exchangeWindows({ id: this.journal.holderId, fence }, windows),
      rates.length > 0 && this.#takeRates(rates),
    ]);
  }

  async #exchangeWindows(holder: Holder, demands: readonly Demand[]): Promise<void> {
    this.alerts.metrics.exchanged();
    const answers = await this.store.exchange(holder, demands.map(toAsk));
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
    const answers = await this.store.takeRates(
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
    if (this.alerts.metrics.storeIsAway(true)) {
      this.logger.error({ err: error }, 'The store of limits is away: budgets are refused');
    }
  }

  #backAgain(): void {
    this.#awayUntil = 0;
    if (!this.alerts.metrics.storeIsAway(false)) return;
    this.logger.info({}, 'The store of limits is back');
    // What was used without it counts for all from now on.
    for (const lease of this.#leases.values()) if (!lease.isReported) this.#mark(lease);
  }

  #tick(now: number): void {
    if (this.isAway) return;
    for (const [name, lease] of this.#leases) {
      const unusedFor = now - lease.lastUsedAt;
      if (lease.isParallel) lease.giveBackUnneeded();
      else if (unusedFor > (lease.isRate ? IDLE_RATE_MS : IDLE_MS)) lease.giveBack();
      else continue;
      if (!lease.isReported || needsHeartbeat(lease, now)) this.ask(lease);
      else if (unusedFor > FORGOTTEN_AFTER_MS && isUnused(lease)) this.#forget(name, lease);
    }
  }

  #forget(name: string, lease: Lease): void {
    lease.isForgotten = true;
    this.#leases.delete(name);
  }

  async #sweep(): Promise<void> {
    try {
      await this.store.sweep();
    } catch (error) {
      this.logger.debug({ err: error }, 'Windows that are over could not be forgotten');
    }
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
    need,
    waitingMs: lease.lineSince === null ? null : Math.round(performance.now() - lease.lineSince),
    want,
    alertAt:
      allowance.alertThreshold === null
        ? null
        : Math.ceil(allowance.limit * allowance.alertThreshold),
  };
}

function needsHeartbeat(lease: Lease, now: number): boolean {
  if (!lease.isParallel || isUnused(lease)) return false;
  const isFull = lease.remaining === 0;
  return now - lease.exchangedAt > (isFull ? FULL_HEARTBEAT_MS : HEARTBEAT_MS);
}

function isUnused({ reserved, waitingFor, inLine }: Lease): boolean {
  return reserved === 0 && waitingFor === 0 && inLine === 0;
}

function nameOf(allowance: Allowance, { startsAt }: Window): string {
  return `${startsAt} ${allowanceId(allowance)}`;
}
