import { Injectable } from '@nestjs/common';

import { type AuditFacts, AuditTrail, changed } from '#platform/audit-trail/audit-trail.port.js';
import { EventBus } from '#platform/events/event-bus.js';

import type { BudgetEntity } from './budget.entity.js';
import { BudgetRepository } from './budget.repository.js';
import { viewBudget } from './budget.view.js';
import './budgets.events.js';

type Entry = {
  readonly before?: AuditFacts;
  readonly after?: AuditFacts;
  readonly details?: AuditFacts;
};

/** The one way in which budgets are written: every cache hears of it, and the audit log. Each in the caller's transaction. */
@Injectable()
export class RecordBudgetService {
  constructor(
    private readonly budgets: BudgetRepository,
    private readonly trail: AuditTrail,
    private readonly events: EventBus,
  ) {}

  async created(budget: BudgetEntity): Promise<void> {
    await this.budgets.insert(budget);
    await this.#record('budget.created', budget, { after: factsOf(budget) });
  }

  async changed(budget: BudgetEntity, changes: Partial<BudgetEntity>): Promise<BudgetEntity> {
    const next = await this.budgets.update(budget, changes);
    await this.#record('budget.updated', next, changed(factsOf(budget), factsOf(next)));
    return next;
  }

  /** @param cause whom it bound, where it goes with that */
  async deleted(budget: BudgetEntity, cause: string | null): Promise<void> {
    await this.budgets.delete(budget.organizationId, budget.id);
    await this.#record('budget.deleted', budget, {
      before: factsOf(budget),
      ...(cause !== null && { details: { cause } }),
    });
  }

  async #record(
    action: 'budget.created' | 'budget.updated' | 'budget.deleted',
    { organizationId, id, scope, scopeId }: BudgetEntity,
    entry: Entry,
  ): Promise<void> {
    const target = { type: 'budget', id };
    const keyId = scope === 'key' ? scopeId : null;
    await this.trail.append({ organizationId, action, target, keyId, ...entry });
    this.events.emit('limits.budgets-changed', { organizationId });
  }
}

/** As the API shows it, but for what the entry says itself. */
function factsOf(budget: BudgetEntity): AuditFacts {
  const { scope, scope_id, window, model, limit, alert_threshold, version } = viewBudget(budget);
  return { scope, scope_id, window, model, limit, alert_threshold, version };
}
