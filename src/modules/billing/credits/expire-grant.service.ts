import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';

import { usdNumber } from '#common/money/money.js';
import { CreditFunds } from '#modules/limits/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { LedgerRepository } from '../ledger/ledger.repository.js';
import type { CreditGrant } from './credit-grant.js';
import { CreditGrantRepository } from './credit-grant.repository.js';

/** Takes back what is left of one grant. */
@Injectable()
export class ExpireGrantService {
  constructor(
    private readonly grants: CreditGrantRepository,
    private readonly ledger: LedgerRepository,
    private readonly funds: CreditFunds,
    private readonly trail: AuditTrail,
  ) {}

  /**
   * Only what calls neither use nor hold; the rest is taken once they gave it back. What is owed for calls that had taken of the
   * grant in time, and were recorded later, is paid from it. Part of the current transaction.
   */
  async expire(organizationId: string, grantId: string): Promise<void> {
    await this.ledger.lock(organizationId);
    const grant = await this.grants.find(organizationId, grantId);
    if (!grant?.expiresAt) return;
    const free = await this.funds.lockFreeOf(organizationId);
    const expired = atLeastZero(lesser(free, grant.remainingNanos));
    const owed = -(await this.ledger.balanceOf(organizationId, 'receivable'));
    const settled = atLeastZero(lesser(owed, grant.remainingNanos - expired));
    await this.#take(grant, 'settlement', settled);
    await this.#take(grant, 'expiry', expired);
    if (expired === 0n) return;
    await this.trail.append({
      organizationId,
      action: 'credit_grant.expired',
      target: { type: 'credit_grant', id: grantId },
      details: {
        expired_amount: usdNumber(expired),
        expires_at: grant.expiresAt.toISOString(),
      },
    });
  }

  async #take(
    grant: CreditGrant,
    kind: 'settlement' | 'expiry',
    amountNanos: bigint,
  ): Promise<void> {
    if (amountNanos === 0n) return;
    await this.ledger.transfer(grant.organizationId, {
      kind,
      debit: `${grant.kind}_credit`,
      credit: kind === 'expiry' ? 'expired' : 'receivable',
      amountNanos,
      grantId: grant.id,
      // One that is taken back in parts has a transfer for each; what is left of it says what is still to be done.
      idempotencyKey: `${kind}:${grant.id}:${randomUUID()}`,
      cause: grant.id,
      effectiveAt: grant.expiresAt ?? grant.createdAt,
    });
  }
}

function lesser(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function atLeastZero(amount: bigint): bigint {
  return amount < 0n ? 0n : amount;
}
