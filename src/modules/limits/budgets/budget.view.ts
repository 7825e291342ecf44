import { usdNumber } from '#common/money/money.js';

import type { BudgetEntity } from './budget.entity.js';
import { ALL_MODELS } from './domain/organization-budgets.js';
import type { BudgetResponse } from './dto/budget.responses.js';

export function viewBudget(budget: BudgetEntity): BudgetResponse {
  return {
    id: budget.id,
    scope: budget.scope,
    scope_id: budget.scope === 'each_key' || budget.scope === 'each_user' ? null : budget.scopeId,
    window: budget.window,
    model: budget.model === ALL_MODELS ? null : budget.model,
    limit: usdNumber(BigInt(budget.limitNanos)),
    alert_threshold: budget.alertThreshold,
    created_at: budget.createdAt.toISOString(),
    updated_at: budget.updatedAt.toISOString(),
    version: budget.version,
  };
}
