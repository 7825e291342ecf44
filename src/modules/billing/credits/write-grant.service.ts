import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { newId } from '#common/ids/prefixed-id.js';
import { NANOS_PER_USD } from '#common/money/money.js';
import { Clock } from '#common/time/clock.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { LedgerRepository } from '../ledger/ledger.repository.js';
import { type CreditGrant, MAX_CREDIT_USD, type NewGrant } from './credit-grant.js';
import { CreditGrantRepository } from './credit-grant.repository.js';
import { auditedGrant } from './credit-grant.view.js';

export type GrantedCredit = { readonly grant: CreditGrant; readonly balanceNanos: bigint };

/** Gives credit to an organization: the grant, its transfer and its audit entry, all or nothing. */
@Injectable()
export class WriteGrantService {
  constructor(
    private readonly grants: CreditGrantRepository,
    private readonly ledger: LedgerRepository,
    private readonly trail: AuditTrail,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * What the organization owes is paid from it first.
   * @param once names it where there can be one of its kind in an organization: a second one is refused by the ledger
   * @throws {AppError} `conflict` where it would have more than {@link MAX_CREDIT_USD} then
   */
  async write(
    organizationId: string,
    { amountNanos, ...rest }: NewGrant,
    once: string | null = null,
  ): Promise<GrantedCredit> {
    const createdAt = new Date(this.clock.now());
    const grant: CreditGrant = {
      ...rest,
      id: newId('creditGrant'),
      organizationId,
      amountNanos,
      remainingNanos: amountNanos,
      createdAt,
    };
    return this.transactions.run(async () => {
      await this.ledger.lock(organizationId);
      await this.#assertBounded(organizationId, amountNanos);
      await this.grants.insert(organizationId, grant);
      await this.#post(organizationId, grant, once ?? grant.id);
      await this.trail.append({
        organizationId,
        action: 'credit_grant.created',
        target: { type: 'credit_grant', id: grant.id },
        after: auditedGrant(grant),
        reason: grant.reason,
      });
      const written = (await this.grants.find(organizationId, grant.id)) ?? grant;
      const balanceNanos = await this.grants.balanceOf(organizationId, createdAt);
      return { grant: written, balanceNanos };
    });
  }

  async #assertBounded(organizationId: string, amountNanos: bigint): Promise<void> {
    const remaining = await this.grants.remainingOf(organizationId);
    if (remaining + amountNanos <= BigInt(MAX_CREDIT_USD) * NANOS_PER_USD) return;
    throw new AppError('conflict', {
      message: `An organization can have at most ${MAX_CREDIT_USD} USD of credit.`,
      param: 'amount',
    });
  }

  async #post(organizationId: string, grant: CreditGrant, key: string): Promise<void> {
    const { id, kind, amountNanos, createdAt } = grant;
    await this.ledger.transfer(organizationId, {
      kind: 'grant',
      debit: 'funding',
      credit: `${kind}_credit`,
      amountNanos,
      grantId: id,
      idempotencyKey: `grant:${key}`,
      cause: id,
      effectiveAt: createdAt,
    });
    const owed = -(await this.ledger.balanceOf(organizationId, 'receivable'));
    if (owed <= 0n) return;
    await this.ledger.spendCredit(organizationId, {
      kind: 'settlement',
      credit: 'receivable',
      amountNanos: owed,
      at: createdAt,
      idempotencyKey: `settlement:${id}`,
      cause: id,
    });
  }
}
