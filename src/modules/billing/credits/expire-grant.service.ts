import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';

import { usdNumber } from '#common/money/money.js';
import { CreditFunds } from '#modules/limits/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { LedgerRepository } from '../ledger/ledger.repository.js';
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

  /** Only what calls neither use nor hold; the rest is taken once they gave it back. Part of the current transaction. */
  async expire(organizationId: string, grantId: string): Promise<void> {
    await this.ledger.lock(organizationId);
    const grant = await this.grants.find(organizationId, grantId);
    if (!grant?.expiresAt) return;
    const free = await this.funds.lockFreeOf(organizationId);
    const amountNanos = free < grant.remainingNanos ? free : grant.remainingNanos;
    if (amountNanos <= 0n) return;
    await this.ledger.transfer(organizationId, {
      kind: 'expiry',
      debit: `${grant.kind}_credit`,
      credit: 'expired',
      amountNanos,
      grantId,
      // One that is taken back in parts has a transfer for each; what is left of it says what is still to be done.
      idempotencyKey: `expiry:${grantId}:${randomUUID()}`,
      cause: grantId,
      effectiveAt: grant.expiresAt,
    });
    await this.trail.append({
      organizationId,
      action: 'credit_grant.expired',
      target: { type: 'credit_grant', id: grantId },
      details: {
        expired_amount: usdNumber(amountNanos),
        expires_at: grant.expiresAt.toISOString(),
      },
    });
  }
}
