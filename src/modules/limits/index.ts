export { BudgetDirectory } from './budgets/budget-directory.port.js';
export { allowancesFor, type OrganizationBudgets } from './budgets/domain/organization-budgets.js';
export { KeyBudgetsModule } from './budgets/key-budgets.module.js';
export { KeyBudgets } from './budgets/key-budgets.port.js';
export { KnownKeys } from './budgets/known-keys.js';
export { CallLimiter, type Claim, type Reservation } from './call-limiter.service.js';
export {
  type Allowance,
  type AllowanceWindow,
  creditOf,
  type Metric,
  METRICS,
  type Subject,
  SUBJECTS,
  WINDOWS,
} from './domain/allowance.js';
export {
  type Amounts,
  amountsOf,
  amountsUsed,
  COST,
  figureOf,
  INPUT_TOKENS,
  NO_AMOUNTS,
  OUTPUT_TOKENS,
  TOTAL_TOKENS,
} from './domain/amounts.js';
export type { Account, LeaseSet } from './leases/lease-set.js';
export { CreditFundsModule } from './store/credit-funds.module.js';
export { CreditFunds } from './store/credit-funds.port.js';
export { LimitsModule } from './limits.module.js';
export { addRateLimitHeaders } from './rate-limit-headers.js';
export { type KnownLimit, ReadLimitsService } from './read-limits.service.js';
export { describeLimit, limitCode, type LimitState } from './limit-state.js';
