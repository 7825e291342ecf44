import { Injectable } from '@nestjs/common';

import type { Principal } from '#common/auth/principal.js';
import { AppError } from '#common/errors/app-error.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

/** Whose credit a caller is asking about. */
@Injectable()
export class CreditReach {
  constructor(private readonly transactions: TransactionRunner) {}

  /**
   * The caller's own organization unless `given` says another, which takes a master key.
   * @throws {AppError} `not_found`
   */
  async organizationOf(caller: Principal, given: string | null): Promise<string> {
    if (given === null || given === caller.organizationId) return caller.organizationId;
    const hasLedger = caller.accessLevel === 'master' && (await this.#hasLedger(given));
    if (hasLedger) return given;
    throw new AppError('not_found', {
      message: `There is no organization ${given}.`,
      param: 'organization_id',
    });
  }

  async #hasLedger(organizationId: string): Promise<boolean> {
    const rows = await this.transactions.sql(
      'SELECT organization_id FROM credit_positions WHERE organization_id = $1',
      [organizationId],
    );
    return rows.length > 0;
  }
}
