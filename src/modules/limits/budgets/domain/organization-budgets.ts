import type { Allowance, AllowanceWindow } from '../../domain/allowance.js';
import { lowestOfEach } from '../../domain/lowest-of-each.js';

/** Whom a budget binds. Users, teams and projects join when there are any. */
export const BUDGET_SCOPES = ['key', 'each_key', 'organization'] as const;
export type BudgetScope = (typeof BUDGET_SCOPES)[number];

export const BUDGET_WINDOWS = ['daily', 'weekly', 'monthly'] as const;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];

/** The pattern that all models match. */
export const ALL_MODELS = '*';

const WINDOW_OF: Readonly<Record<BudgetWindow, AllowanceWindow>> = {
  daily: 'day',
  weekly: 'week',
  monthly: 'month',
};

export type Budget = {
  readonly organizationId: string;
  readonly scope: BudgetScope;
  readonly scopeId: string;
  readonly window: BudgetWindow;
  readonly model: string;
  readonly limitNanos: number;
  readonly alertThreshold: number | null;
};

/** An allowance that each subject of its kind has for itself. */
export type BudgetTemplate = Omit<Allowance, 'subjectId'>;

/** An organization's budgets, sorted by whom they bind: only read, never changed. */
export type OrganizationBudgets = {
  readonly organization: readonly Allowance[];
  readonly eachKey: readonly BudgetTemplate[];
  /** By the key's id. */
  readonly byKey: ReadonlyMap<string, readonly Allowance[]>;
};

export function compileBudgets(budgets: readonly Budget[]): OrganizationBudgets {
  const organization: Allowance[] = [];
  const eachKey: BudgetTemplate[] = [];
  const byKey = new Map<string, Allowance[]>();
  for (const budget of budgets) {
    const { scope, scopeId: subjectId } = budget;
    if (scope === 'organization') {
      organization.push({ ...templateOf(budget, 'organization'), subjectId });
    } else if (scope === 'each_key') {
      eachKey.push(templateOf(budget, 'key'));
    } else {
      const own = byKey.get(subjectId) ?? [];
      own.push({ ...templateOf(budget, 'key'), subjectId });
      byKey.set(subjectId, own);
    }
  }
  return { organization, eachKey, byKey };
}

/**
 * All that bind a call of that key: the organization's, its own, and those of each key. Of two for the same key, window
 * and models the lower one counts.
 */
export function allowancesFor(budgets: OrganizationBudgets, keyId: string): readonly Allowance[] {
  const { organization, eachKey, byKey } = budgets;
  const ofEach = eachKey.map((template) => ({ ...template, subjectId: keyId }));
  return [...organization, ...lowestOfEach([...(byKey.get(keyId) ?? []), ...ofEach])];
}

function templateOf(budget: Budget, subject: BudgetTemplate['subject']): BudgetTemplate {
  return {
    organizationId: budget.organizationId,
    subject,
    metric: 'cost',
    window: WINDOW_OF[budget.window],
    limit: budget.limitNanos,
    burst: null,
    model: budget.model === ALL_MODELS ? null : budget.model,
    alertThreshold: budget.alertThreshold,
  };
}
