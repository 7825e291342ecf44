import type { OrganizationBudgets } from './domain/organization-budgets.js';

/** Finds the budgets that bind calls. */
export abstract class BudgetDirectory {
  /**
   * The organization's budgets: at once when they are cached, else from PostgreSQL. While it is the same object none of
   * them has changed, so what is derived from it may be remembered by it.
   */
  abstract allowancesOf(organizationId: string): OrganizationBudgets | Promise<OrganizationBudgets>;
}
