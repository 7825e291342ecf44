import { AppError } from '#common/errors/app-error.js';
import { parseUsd } from '#common/money/money.js';

/** What of a budget can be changed. */
export type BudgetTerms = {
  readonly limitNanos: number;
  readonly alertThreshold: number | null;
};

export function termsOf({
  limit,
  alert_threshold: alertThreshold = null,
}: {
  readonly limit: string | number;
  readonly alert_threshold?: number | null;
}): BudgetTerms {
  const nanos = parseUsd(limit);
  if (nanos === null) throw new AppError('invalid_request', { param: 'limit' });
  return { limitNanos: Number(nanos), alertThreshold };
}

export function isOn(terms: BudgetTerms, budget: BudgetTerms): boolean {
  return budget.limitNanos === terms.limitNanos && budget.alertThreshold === terms.alertThreshold;
}
