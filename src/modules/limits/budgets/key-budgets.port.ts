/** The budgets of single keys, for whoever takes keys away. */
export abstract class KeyBudgets {
  /** Deletes those of a key that never comes back. Part of the current transaction. */
  abstract deleteOf(organizationId: string, keyId: string): Promise<void>;
}
