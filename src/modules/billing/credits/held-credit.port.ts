/**
 * What of an organization's credit is set aside outside of the ledger for calls that are under way, or are not charged yet. It
 * must not expire under them.
 */
export abstract class HeldCredit {
  /** Nano-dollars. Part of the current transaction, which holds the lock of the organization's ledger. */
  abstract heldOf(organizationId: string): Promise<bigint>;
}

/** As long as calls set nothing aside. */
export class NoHeldCredit extends HeldCredit {
  override heldOf(): Promise<bigint> {
    return Promise.resolve(0n);
  }
}
