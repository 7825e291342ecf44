import { Injectable } from '@nestjs/common';

import { KeyBudgets } from '#modules/limits/index.js';
import { AuditTrail } from '#platform/audit-trail/audit-trail.port.js';

import { TellOfKeys } from '../tell-of-keys.js';
import {
  type EnablingDue,
  type ExpiryDue,
  KeyLifecycleRepository,
  type RevocationDue,
} from './key-lifecycle.repository.js';

/** Writes down and tells what time has made of a key. Each in the transaction that has locked it. */
@Injectable()
export class TellDueKeyService {
  constructor(
    private readonly due: KeyLifecycleRepository,
    private readonly budgets: KeyBudgets,
    private readonly trail: AuditTrail,
    private readonly news: TellOfKeys,
  ) {}

  async revoked(key: RevocationDue): Promise<void> {
    const { id, organizationId, revokedAt, revokedReason: reason } = key;
    await this.trail.append({
      organizationId,
      action: 'key.revoked',
      target: { type: 'key', id },
      after: { status: 'revoked', revoked_at: revokedAt },
      reason,
    });
    await this.news.revoked(key, null);
    await this.budgets.deleteOf(organizationId, id);
    await this.due.mark(key, 'revocation_told_for', revokedAt);
  }

  async enabled(key: EnablingDue): Promise<void> {
    const { id, organizationId, enableAt } = key;
    await this.trail.append({
      organizationId,
      action: 'key.enabled',
      target: { type: 'key', id },
      before: { status: 'disabled', auto_enable_at: enableAt },
      after: { status: 'active', auto_enable_at: enableAt },
    });
    await this.news.enabled(key, { by: null, enableAt });
    await this.due.mark(key, 'enabling_told_for', enableAt);
  }

  async expiry(key: ExpiryDue): Promise<void> {
    const { expiresAt, days } = key;
    if (days === 0) await this.#recordExpiry(key);
    const id = `expiring:${key.id}:${expiresAt.getTime()}:${days}`;
    await (days === 0
      ? this.news.tell('key.expired', key, { at: expiresAt, expires_at: expiresAt }, id)
      : this.news.tell('key.expiring', key, { expires_at: expiresAt, days }, id));
    await this.due.markExpiry(key, expiresAt, days);
  }

  async #recordExpiry({ id, organizationId, expiresAt }: ExpiryDue): Promise<void> {
    await this.trail.append({
      organizationId,
      action: 'key.expired',
      target: { type: 'key', id },
      after: { status: 'expired', expires_at: expiresAt },
    });
  }
}
