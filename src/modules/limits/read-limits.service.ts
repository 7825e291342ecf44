import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';

import { BudgetDirectory } from './budgets/budget-directory.port.js';
import { allowancesFor } from './budgets/domain/organization-budgets.js';
import { type Allowance, allowanceId } from './domain/allowance.js';
import { lowestOfEach } from './domain/lowest-of-each.js';
import { windowAt } from './domain/windows.js';
import { type LimitState, limitState } from './limit-state.js';
import { AllowanceStore } from './store/allowance-store.port.js';

/** Shows what is used of the limits that bind a key, as all instances together have it. */
@Injectable()
export class ReadLimitsService {
  constructor(
    private readonly store: AllowanceStore,
    private readonly budgets: BudgetDirectory,
    private readonly clock: Clock,
  ) {}

  /** @param own the key's, by its policy */
  async ofKey(
    organizationId: string,
    keyId: string,
    own: readonly Allowance[],
  ): Promise<LimitState[]> {
    const budgets = await this.budgets.allowancesOf(organizationId);
    const bound = lowestOfEach([...own, ...allowancesFor(budgets, keyId)]).map((allowance) => ({
      allowance,
      id: allowanceId(allowance),
      window: windowAt(allowance.window, this.clock.now()),
    }));
    const windows = bound.map(({ id, window }) => ({ allowance: id, startsAt: window.startsAt }));
    const states = await this.store.read(organizationId, windows);
    const rates = await this.store.readRates(
      organizationId,
      bound.filter(({ allowance }) => allowance.window === 'second').map(({ id }) => id),
    );
    return bound.map(({ allowance, id, window }) => {
      const state = states.find(({ allowance: name }) => name === id);
      const aheadMs = rates.get(id) ?? 0;
      if (allowance.window !== 'second') {
        const used = state?.spent ?? 0;
        return limitState(allowance, window, { used, reserved: (state?.total ?? 0) - used });
      }
      // Of what may go at once, so much is not made good yet.
      const limit = allowance.burst ?? allowance.limit;
      const used = Math.min(limit, Math.ceil((aheadMs * allowance.limit) / 1_000));
      return limitState({ ...allowance, limit }, window, { used, reserved: 0 });
    });
  }
}
