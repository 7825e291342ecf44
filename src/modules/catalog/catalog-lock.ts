import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

/** Any fixed number: the class of this product's catalog locks among PostgreSQL's two-part advisory locks. */
const LOCK_CLASS = 7_203_002;

/**
 * Lets the changes to one organization's catalog happen one after the other. So a count that was looked at still holds
 * when the row is written, and nobody points a route at a provider that is just being deleted.
 */
@Injectable()
export class CatalogLock {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Runs `change` in a transaction, alone among its organization's. */
  async run<T>(organizationId: string, change: () => Promise<T>): Promise<T> {
    return this.transactions.run(async () => {
      await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
        LOCK_CLASS,
        organizationId,
      ]);
      return change();
    });
  }
}
