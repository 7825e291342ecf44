import type { Allowance, AllowanceWindow, Subject } from '../../domain/allowance.js';
import { lowestOfEach } from '../../domain/lowest-of-each.js';

/** Whom a budget binds. */
export const BUDGET_SCOPES = [
  'key',
  'each_key',
  'user',
  'each_user',
  'team',
  'project',
  'organization',
] as const;
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
  readonly eachUser: readonly BudgetTemplate[];
  /** Those of one key, user, team or project, by its id. Ids of different things have different prefixes. */
  readonly bySubject: ReadonlyMap<string, readonly Allowance[]>;
};

/** A key, and all that its calls spend the money of. */
export type Spender = {
  readonly keyId: string;
  /** Its owner; `null`: nobody. */
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly projectIds: readonly string[];
};

export function compileBudgets(budgets: readonly Budget[]): OrganizationBudgets {
  const organization: Allowance[] = [];
  const eachKey: BudgetTemplate[] = [];
  const eachUser: BudgetTemplate[] = [];
  const bySubject = new Map<string, Allowance[]>();
  for (const budget of budgets) {
    const { scope, scopeId: subjectId } = budget;
    if (scope === 'each_key') {
      eachKey.push(templateOf(budget, 'key'));
    } else if (scope === 'each_user') {
      eachUser.push(templateOf(budget, 'user'));
    } else if (scope === 'organization') {
      organization.push({ ...templateOf(budget, scope), subjectId });
    } else {
      const own = bySubject.get(subjectId) ?? [];
      own.push({ ...templateOf(budget, scope), subjectId });
      bySubject.set(subjectId, own);
    }
  }
  return { organization, eachKey, eachUser, bySubject };
}

/**
 * All that bind a call of that key: the organization's, its own, its owner's, its team's, those of every project of it, and
 * those of each key and each user. Of two for the same subject, window and models the lower one counts.
 */
export function allowancesFor(
  { organization, eachKey, eachUser, bySubject }: OrganizationBudgets,
  { keyId, userId, teamId, projectIds }: Spender,
): readonly Allowance[] {
  const subjects = [keyId, userId, teamId, ...projectIds].filter((id) => id !== null);
  return lowestOfEach([
    ...organization,
    ...subjects.flatMap((id) => bySubject.get(id) ?? []),
    ...eachKey.map((template) => ({ ...template, subjectId: keyId })),
    ...(userId === null ? [] : eachUser.map((template) => ({ ...template, subjectId: userId }))),
  ]);
}

function templateOf(budget: Budget, subject: Subject): BudgetTemplate {
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
