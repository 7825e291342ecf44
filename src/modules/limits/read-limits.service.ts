import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { BudgetDirectory } from './budgets/budget-directory.port.js';
import { allowancesFor, type Spender } from './budgets/domain/organization-budgets.js';
import { type Allowance, allowanceId } from './domain/allowance.js';
import { lowestOfEach } from './domain/lowest-of-each.js';
import { type Window, windowAt } from './domain/windows.js';
import type { Lease } from './leases/lease.js';
import { LeaseKeeper } from './leases/lease-keeper.service.js';
import { type Consumption, type LimitState, limitState } from './limit-state.js';
import type { AllowanceState } from './store/allowance-store.port.js';
import { AllowanceStores } from './store/allowance-stores.js';

/** A limit that binds a key, in the window that runs. */
export type KnownLimit = {
  readonly allowance: Allowance;
  /** Of all instances together. What remains is what a call on this one could take now. */
  readonly state: LimitState;
  /** In the unit of the allowance; below 0 where more was used than could be foreseen. */
  readonly left: number;
  /** Calls of this instance that wait for one of these to end. */
  readonly inLine: number;
};

type Named = { readonly allowance: Allowance; readonly id: string; readonly window: Window };

type Bound = Named & {
  /** What this instance holds of it. */
  readonly lease: Lease | undefined;
};

type Stored = {
  readonly states: ReadonlyMap<string, AllowanceState>;
  /** By allowance, milliseconds until what was taken is made good. */
  readonly rates: ReadonlyMap<string, number>;
};

/** Shows what is used of the limits that bind a key, as all instances together have it. */
@Injectable()
export class ReadLimitsService {
  constructor(
    private readonly stores: AllowanceStores,
    private readonly keeper: LeaseKeeper,
    private readonly budgets: BudgetDirectory,
    private readonly clock: Clock,
  ) {}

  /** @param own the key's, by its policy */
  async ofKey(
    organizationId: string,
    key: Spender,
    own: readonly Allowance[],
  ): Promise<KnownLimit[]> {
    const budgets = await this.budgets.allowancesOf(organizationId);
    const now = this.clock.now();
    const allowances = lowestOfEach([...own, ...allowancesFor(budgets, key)]).map((allowance) => ({
      allowance,
      id: allowanceId(allowance),
      window: windowAt(allowance, now),
    }));
    if (allowances.length === 0) return [];
    const { states, rates } = await this.#read(organizationId, allowances);
    return allowances.map((one) => {
      const bound = { ...one, lease: this.keeper.held(one.allowance, one.window) };
      return one.allowance.window === 'second'
        ? ofRate(bound, rates.get(one.id) ?? 0)
        : ofWindow(bound, states.get(one.id));
    });
  }

  async #read(organizationId: string, allowances: readonly Named[]): Promise<Stored> {
    const states = new Map<string, AllowanceState>();
    const rates = new Map<string, number>();
    await Promise.all(
      this.stores.all.map(async (store) => {
        const held = allowances.filter(({ allowance }) => this.stores.of(allowance) === store);
        const windows = held.map(({ id, window }) => ({
          allowance: id,
          startsAt: window.startsAt,
        }));
        for (const state of await store.read(organizationId, windows, this.keeper.holderId)) {
          states.set(state.allowance, state);
        }
        const ids = held
          .filter(({ allowance }) => allowance.window === 'second')
          .map(({ id }) => id);
        for (const [id, aheadMs] of await store.readRates(organizationId, ids))
          rates.set(id, aheadMs);
      }),
    );
    return { states, rates };
  }
}

/**
 * What this instance holds itself it knows better than the store, which hears of it a little later. What it holds in
 * advance is left, for the calls that it gets.
 */
function ofWindow(
  { allowance, window, lease }: Bound,
  stored: AllowanceState | undefined,
): KnownLimit {
  const { total, spent, own } = stored ?? { total: 0, spent: 0, own: { total: 0, spent: 0 } };
  const mine =
    lease && lease.exchangedAt > 0
      ? { total: lease.spent + lease.reserved, spent: lease.spent }
      : own;
  const used = spent - own.spent + mine.spent;
  const taken = total - own.total + mine.total;
  return known({ allowance, window, lease }, { used, reserved: taken - used });
}

/** @param aheadMs until what was taken is made good */
function ofRate({ allowance, window, lease }: Bound, aheadMs: number): KnownLimit {
  // Of what may go at once, so much is not made good yet.
  const limit = allowance.burst ?? allowance.limit;
  const ahead = Math.ceil((aheadMs * allowance.limit) / 1_000) - (lease?.idle ?? 0);
  const used = Math.max(0, Math.min(limit, ahead));
  return known({ allowance: { ...allowance, limit }, window, lease }, { used, reserved: 0 });
}

function known(
  { allowance, window, lease }: Omit<Bound, 'id'>,
  consumption: Consumption,
): KnownLimit {
  return {
    allowance,
    state: limitState(allowance, window, consumption),
    left: allowance.limit - consumption.used - consumption.reserved,
    inLine: lease?.inLine ?? 0,
  };
}
