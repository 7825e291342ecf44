import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { CreditGrant, GrantKind } from './credit-grant.js';

type Row = {
  readonly id: string;
  readonly organization_id: string;
  readonly kind: GrantKind;
  readonly amount: string;
  readonly remaining: string;
  readonly reason: string;
  readonly expires_at: Date | null;
  readonly granted_by: string;
  readonly created_at: Date;
};

const COLUMNS =
  'id, organization_id, kind, amount, remaining, reason, expires_at, granted_by, created_at';

/** Where a page of due grants ended. */
export type DuePosition = { readonly expiresAt: Date; readonly id: string };

@Injectable()
export class CreditGrantRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** With nothing left in it yet: that comes with the transfer. */
  async insert(organizationId: string, grant: CreditGrant): Promise<void> {
    const { id, kind, amountNanos, reason, expiresAt, grantedBy, createdAt } = grant;
    await this.transactions.sql(
      `INSERT INTO credit_grants (organization_id, id, kind, amount, reason, expires_at, granted_by, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [organizationId, id, kind, amountNanos, reason, expiresAt, grantedBy, createdAt],
    );
  }

  async find(organizationId: string, id: string): Promise<CreditGrant | null> {
    const [row] = await this.transactions.sql<Row>(
      `SELECT ${COLUMNS} FROM credit_grants WHERE organization_id = $1 AND id = $2`,
      [organizationId, id],
    );
    return row ? toGrant(row) : null;
  }

  /** Newest first, one more than `limit` when there are more. */
  async page(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<CreditGrant[]> {
    const rows = await this.transactions.sql<Row>(
      `SELECT ${COLUMNS} FROM credit_grants
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [organizationId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
    return rows.map(toGrant);
  }

  /** Nano-dollars that can be spent at `now`, less what is owed. */
  async balanceOf(organizationId: string, now: Date): Promise<bigint> {
    const [row] = await this.transactions.sql<{ balance: string }>(
      `SELECT coalesce(sum(remaining), 0)
              + (SELECT coalesce(sum(balance), 0) FROM ledger_accounts
                  WHERE organization_id = $1 AND currency = 'USD' AND kind = 'receivable') AS balance
         FROM credit_grants
        WHERE organization_id = $1 AND is_open AND (expires_at IS NULL OR expires_at > $2)`,
      [organizationId, now],
    );
    return BigInt(row?.balance ?? 0);
  }

  /** What all grants have left, expired ones included. */
  async remainingOf(organizationId: string): Promise<bigint> {
    const [row] = await this.transactions.sql<{ remaining: string | null }>(
      'SELECT sum(remaining) AS remaining FROM credit_grants WHERE organization_id = $1 AND is_open',
      [organizationId],
    );
    return BigInt(row?.remaining ?? 0);
  }

  /** Grants with something left whose time is over, the longest overdue first. */
  async dueAcrossTenants(
    now: Date,
    after: DuePosition | null,
    limit: number,
  ): Promise<CreditGrant[]> {
    const rows = await this.transactions.sql<Row>(
      `SELECT ${COLUMNS} FROM credit_grants
        WHERE is_open AND expires_at <= $1 AND ($2::timestamptz IS NULL OR (expires_at, id) > ($2, $3))
        ORDER BY expires_at, id LIMIT $4`,
      [now, after?.expiresAt ?? null, after?.id ?? null, limit],
    );
    return rows.map(toGrant);
  }

  /** Organizations that were there before there was credit, and have not been given any. */
  async dueForSignUpCreditAcrossTenants(limit: number): Promise<string[]> {
    const rows = await this.transactions.sql<{ id: string }>(
      'SELECT organization_id AS id FROM credit_positions WHERE is_sign_up_credit_due ORDER BY 1 LIMIT $1',
      [limit],
    );
    return rows.map(({ id }) => id);
  }

  /** Answers whether it was due until now; nobody else is told so. */
  async takeSignUpCreditDue(organizationId: string): Promise<boolean> {
    const rows = await this.transactions.sql(
      `UPDATE credit_positions SET is_sign_up_credit_due = false
        WHERE organization_id = $1 AND is_sign_up_credit_due RETURNING organization_id`,
      [organizationId],
    );
    return rows.length > 0;
  }
}

function toGrant(row: Row): CreditGrant {
  return {
    id: row.id,
    organizationId: row.organization_id,
    kind: row.kind,
    amountNanos: BigInt(row.amount),
    remainingNanos: BigInt(row.remaining),
    reason: row.reason,
    expiresAt: row.expires_at,
    grantedBy: row.granted_by,
    createdAt: row.created_at,
  };
}
