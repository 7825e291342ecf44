import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { allowanceId, creditOf } from '../domain/allowance.js';
import { CreditFunds } from './credit-funds.port.js';

/** In the row of the allowance's one window. */
@Injectable()
export class PostgresCreditFunds extends CreditFunds {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override freeOf(organizationId: string): Promise<bigint> {
    return this.#read(organizationId, '');
  }

  override lockFreeOf(organizationId: string): Promise<bigint> {
    return this.#read(organizationId, 'FOR UPDATE');
  }

  async #read(organizationId: string, lock: 'FOR UPDATE' | ''): Promise<bigint> {
    const [row] = await this.transactions.sql<{ free: string }>(
      `SELECT coalesce(funded, 0) - total AS free FROM allowance_windows
        WHERE allowance = $1 AND organization_id = $2 ${lock}`,
      [allowanceId(creditOf(organizationId)), organizationId],
    );
    return BigInt(row?.free ?? 0);
  }
}
