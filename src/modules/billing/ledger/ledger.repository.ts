import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { TransferConflictError } from './ledger.errors.js';
import type { AccountKind, HoldEnd, NewTransfer, Spending } from './transfer.js';

/** Answers no row where the key is there already. */
const TRANSFER = `
INSERT INTO ledger_transfers (
  organization_id, kind, debit, credit, amount, grant_id, pending_id, expires_at, idempotency_key, cause, effective_at
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (organization_id, idempotency_key) DO NOTHING
RETURNING id`;

const SAME_TRANSFER = `
SELECT id FROM ledger_transfers
 WHERE organization_id = $1 AND idempotency_key = $2 AND kind = $3 AND debit = $4 AND credit = $5 AND amount = $6
   AND grant_id IS NOT DISTINCT FROM $7 AND pending_id IS NOT DISTINCT FROM $8`;

const END_HOLD = `
INSERT INTO ledger_transfers (
  organization_id, kind, debit, credit, amount, grant_id, pending_id, idempotency_key, cause, effective_at
)
SELECT organization_id, $3::text, 'holds', CASE WHEN $3::text = 'hold_posted' THEN 'revenue' ELSE debit END,
       coalesce($4::bigint, amount), CASE WHEN $3::text <> 'hold_posted' THEN grant_id END, id, 'ended:' || id, $5, $6
  FROM ledger_transfers
 WHERE organization_id = $1 AND id = $2 AND kind = 'hold'
ON CONFLICT DO NOTHING
RETURNING id`;

const PENDING = `kind = 'hold' AND NOT EXISTS (
  SELECT FROM ledger_transfers AS ended
   WHERE ended.organization_id = hold.organization_id AND ended.pending_id = hold.id
     AND ended.kind IN ('hold_posted', 'hold_voided', 'hold_expired'))`;

const EXPIRED_HOLDS = `
SELECT organization_id AS "organizationId", id FROM ledger_transfers AS hold
 WHERE expires_at <= $1 AND ${PENDING} ORDER BY expires_at, id LIMIT $2`;

/** Writes and reads the ledger. Every write is a transfer; what it does to balances, grants and positions PostgreSQL does. */
@Injectable()
export class LedgerRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /**
   * Keeps other writers from the organization's ledger until the current transaction ends. Who takes several takes them in
   * the order of their ids.
   */
  async lock(organizationId: string): Promise<void> {
    await this.transactions.sql(
      'SELECT FROM credit_positions WHERE organization_id = $1 FOR NO KEY UPDATE',
      [organizationId],
    );
  }

  /**
   * Answers the transfer's id; that of the first one where the same was written before under its key.
   * @throws {TransferConflictError} where another one was
   */
  async transfer(organizationId: string, transfer: NewTransfer): Promise<string> {
    const { kind, debit, credit, amountNanos, grantId = null, pendingId = null } = transfer;
    const { expiresAt = null, idempotencyKey, cause, effectiveAt } = transfer;
    const of = [kind, debit, credit, amountNanos];
    const values = [...of, grantId, pendingId, expiresAt, idempotencyKey, cause, effectiveAt];
    const [made] = await this.transactions.sql<{ id: string }>(TRANSFER, [
      organizationId,
      ...values,
    ]);
    if (made) return made.id;
    const [same] = await this.transactions.sql<{ id: string }>(SAME_TRANSFER, [
      organizationId,
      idempotencyKey,
      ...of,
      grantId,
      pendingId,
    ]);
    if (!same) throw new TransferConflictError(idempotencyKey);
    return same.id;
  }

  /**
   * Ends a hold: `hold_posted` charges `amountNanos` of it (all, unless said) and gives back the rest, the others give back all.
   * Answers whether it was this call that ended it; a hold ends once, in whichever way was first.
   */
  async endHold(organizationId: string, holdId: string, end: HoldEnd): Promise<boolean> {
    const { kind, amountNanos = null, cause, effectiveAt } = end;
    await this.lock(organizationId);
    const values = [organizationId, holdId, kind, amountNanos, cause, effectiveAt];
    return (await this.transactions.sql(END_HOLD, values)).length > 0;
  }

  /** Holds whose time is over and that nobody has ended; the longest overdue first. */
  async expiredHoldsAcrossTenants(
    now: Date,
    limit: number,
  ): Promise<{ organizationId: string; id: string }[]> {
    return this.transactions.sql(EXPIRED_HOLDS, [now, limit]);
  }

  /**
   * Pays from credit, the grant that expires first, then the oldest. The ledger must be locked.
   * Answers what no credit was there for, in nano-dollars.
   */
  async spendCredit(organizationId: string, spending: Spending): Promise<bigint> {
    const { kind, credit, amountNanos, at, idempotencyKey, cause } = spending;
    const [row] = await this.transactions.sql<{ missing: string }>(
      'SELECT ledger_spend_credit($1, $2, $3, $4, $5, $5, $6, $7) AS missing',
      [organizationId, kind, credit, amountNanos, at, idempotencyKey, cause],
    );
    return BigInt(row?.missing ?? amountNanos);
  }

  /** Credits minus debits, in nano-dollars. `0n` for an organization that is not there. */
  async balanceOf(organizationId: string, kind: AccountKind): Promise<bigint> {
    const [row] = await this.transactions.sql<{ balance: string }>(
      `SELECT balance FROM ledger_accounts WHERE organization_id = $1 AND currency = 'USD' AND kind = $2`,
      [organizationId, kind],
    );
    return BigInt(row?.balance ?? 0);
  }
}
