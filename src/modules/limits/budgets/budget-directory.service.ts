import { Injectable } from '@nestjs/common';

import { EventBus } from '#platform/events/event-bus.js';
import { CoherentCache } from '#platform/fanout/coherent-cache.js';
import { Fanout } from '#platform/fanout/fanout.port.js';

import { BudgetDirectory } from './budget-directory.port.js';
import { BudgetRepository } from './budget.repository.js';
import { BUDGETS_CHANGED_TOPIC } from './budgets.events.js';
import { compileBudgets, type OrganizationBudgets } from './domain/organization-budgets.js';

const MAX_CACHED_ORGANIZATIONS = 1_000;

type Cached = { readonly organizationId: string; readonly budgets: OrganizationBudgets };

@Injectable()
export class BudgetDirectoryService extends BudgetDirectory {
  readonly #cache: CoherentCache<Cached>;

  constructor(
    private readonly budgets: BudgetRepository,
    fanout: Fanout,
    events: EventBus,
  ) {
    super();
    this.#cache = new CoherentCache<Cached>(fanout, {
      maxEntries: MAX_CACHED_ORGANIZATIONS,
      tagsOf: ({ organizationId }) => [organizationId],
    });
    fanout.subscribe(BUDGETS_CHANGED_TOPIC, (organizationId) =>
      this.#cache.invalidate(organizationId),
    );
    // Here at once, whatever becomes of the message to the others.
    events.on('limits.budgets-changed', ({ organizationId }) =>
      this.#cache.invalidate(organizationId),
    );
  }

  override allowancesOf(
    organizationId: string,
  ): OrganizationBudgets | Promise<OrganizationBudgets> {
    return this.#cache.peek(organizationId)?.budgets ?? this.#load(organizationId);
  }

  async #load(organizationId: string): Promise<OrganizationBudgets> {
    const loaded = await this.#cache.load(organizationId, async () => ({
      organizationId,
      budgets: compileBudgets(await this.budgets.listAll(organizationId)),
    }));
    // The read answers an object always: an organization without budgets is remembered too.
    return (loaded as Cached).budgets;
  }
}
