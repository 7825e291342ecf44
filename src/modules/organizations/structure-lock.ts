import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

/**
 * Lets the changes to one organization's people and structure happen one after the other. So what was looked at still
 * holds when the rows are written: who the owners are, who has a role, how many teams there are.
 */
@Injectable()
export class StructureLock {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Runs `change` in a transaction, alone among its organization's. */
  async run<T>(organizationId: string, change: () => Promise<T>): Promise<T> {
    return this.transactions.run(async () => {
      // Not FOR UPDATE: rows that refer to the organization, such as keys, are written meanwhile.
      await this.transactions.sql('SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE', [
        organizationId,
      ]);
      return change();
    });
  }
}
