/**
 * An organization's credit, as the limit that its calls are held to. What was paid in changes with the ledger, by `fund_credit`.
 * Nano-dollars.
 */
export abstract class CreditFunds {
  /** What no call uses or holds, at the moment. Below 0 where calls used more than there was. */
  abstract freeOf(organizationId: string): Promise<bigint>;

  /** As {@link freeOf}, and until the end of the current transaction no call takes of it. */
  abstract lockFreeOf(organizationId: string): Promise<bigint>;
}
