import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { allowanceId, creditOf } from '../domain/allowance.js';
import { windowAt } from '../domain/windows.js';
import { CreditFunds, type CreditState } from './credit-funds.port.js';

type StateRow = { readonly funded: string; readonly total: string };

/** In the row of the allowance's one window. */
@Injectable()
export class PostgresCreditFunds extends CreditFunds {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override async payIn(organizationId: string, nanos: bigint): Promise<void> {
    const credit = creditOf(organizationId);
    const { startsAt, endsAt } = windowAt(credit, 0);
    // Somebody is told anew when it is used up again.
    await this.transactions.sql(
      `INSERT INTO allowance_windows AS held (
         allowance, starts_at, organization_id, ends_at, total, spent, holders, alerted, raised, funded
       ) VALUES ($1, $2, $3, $4, 0, 0, '{}', 0, 0, $5)
       ON CONFLICT (allowance, starts_at)
       DO UPDATE SET funded = coalesce(held.funded, 0) + excluded.funded, alerted = 0, raised = 0`,
      [allowanceId(credit), startsAt, organizationId, endsAt, nanos.toString()],
    );
  }

  override async takeBack(organizationId: string, atMostNanos: bigint): Promise<bigint> {
    const rows = await this.transactions.sql<{ taken: string }>(
      `WITH held AS (
         SELECT least($3::bigint, greatest(0, coalesce(funded, 0) - total)) AS free FROM allowance_windows
          WHERE allowance = $1 AND organization_id = $2 FOR UPDATE)
       UPDATE allowance_windows SET funded = funded - held.free FROM held
        WHERE allowance = $1 AND organization_id = $2 RETURNING held.free AS taken`,
      [allowanceId(creditOf(organizationId)), organizationId, atMostNanos.toString()],
    );
    return BigInt(rows[0]?.taken ?? 0);
  }

  override async stateOf(organizationId: string): Promise<CreditState> {
    const [row] = await this.transactions.sql<StateRow>(
      `SELECT coalesce(funded, 0) AS funded, total FROM allowance_windows WHERE allowance = $1 AND organization_id = $2`,
      [allowanceId(creditOf(organizationId)), organizationId],
    );
    return { funded: BigInt(row?.funded ?? 0), taken: BigInt(row?.total ?? 0) };
  }
}
