import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { LOGGER, type Logger } from '#platform/observability/logger.js';

import type { Allowance } from '../domain/allowance.js';
import { allowanceId } from '../domain/allowance.js';
import type { Window } from '../domain/windows.js';
import { windowAt } from '../domain/windows.js';
import { AllowanceAlerts } from '../allowance-alerts.js';
import { CallJournal } from '../journal/call-journal.js';
import type { AllowanceStore } from '../store/allowance-store.port.js';
import { AllowanceStores } from '../store/allowance-stores.js';
import { Lease } from './lease.js';
import { type ExchangeListener, LeaseExchange } from './lease-exchange.js';

const MAX_LEASES = 200_000;
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

/**
 * Holds this process's leases and exchanges them with the stores: what calls wait for at once, what will be needed soon
 * ahead of need, what is not used after a second. Where there are two stores each has an exchange of its own, so that one
 * that is away holds up nothing that is in the other.
 */
@Injectable()
export class LeaseKeeper implements OnModuleInit, OnApplicationShutdown {
  readonly #leases = new Map<string, Lease>();
  readonly #listeners: ExchangeListener[] = [];
  readonly #exchanges: ReadonlySet<LeaseExchange>;
  readonly #lasting: LeaseExchange;
  readonly #quick: LeaseExchange;
  #timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly stores: AllowanceStores,
    private readonly journal: CallJournal,
    private readonly alerts: AllowanceAlerts,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const { lasting, quick } = stores;
    this.#lasting = this.#exchangeWith(lasting);
    this.#quick = quick === lasting ? this.#lasting : this.#exchangeWith(quick);
    this.#exchanges = new Set([this.#lasting, this.#quick]);
  }

  async onModuleInit(): Promise<void> {
    const { left, abandoned } = this.journal;
    for (const exchange of this.#exchanges) await exchange.begin(left, abandoned);
    this.#timers = [
      setInterval(() => this.#tick(performance.now()), TICK_MS).unref(),
      setInterval(() => void this.#sweep(), SWEEP_MS).unref(),
    ];
  }

  /** Calls have ended by now. What they did not use goes back. */
  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const lease of this.#leases.values()) lease.giveBack();
    await Promise.all([...this.#exchanges].map((exchange) => exchange.end()));
    for (const store of this.stores.all) store.close();
    this.journal.close();
  }

  /** Whether the store of this lease did not answer when it was asked last, and is not to be waited for. */
  isAway(lease: Lease): boolean {
    return this.#exchangeOf(lease).isAway;
  }

  onExchange(listener: ExchangeListener): void {
    this.#listeners.push(listener);
  }

  /**
   * The lease of an allowance in the window that `now` is in; its limit is what the allowance says at the moment.
   * @throws {AppError} `service_unavailable` when there are too many
   */
  leaseOf(allowance: Allowance, now: number): Lease {
    const window = windowAt(allowance, now);
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
    this.#exchangeOf(lease).ask(lease);
  }

  #exchangeOf({ isShortLived }: Lease): LeaseExchange {
    return isShortLived ? this.#quick : this.#lasting;
  }

  #exchangeWith(store: AllowanceStore): LeaseExchange {
    const exchange: LeaseExchange = new LeaseExchange(
      {
        store,
        holderId: this.journal.holderId,
        leases: () =>
          [...this.#leases.values()].filter((one) => this.#exchangeOf(one) === exchange),
        onExchange: (leases) => {
          for (const listener of this.#listeners) listener(leases);
        },
      },
      this.alerts,
      this.logger,
    );
    return exchange;
  }

  #tick(now: number): void {
    for (const [name, lease] of this.#leases) {
      if (this.isAway(lease)) continue;
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
      await this.stores.lasting.sweep();
    } catch (error) {
      this.logger.debug({ err: error }, 'Windows that are over could not be forgotten');
    }
  }
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
