import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { keyStatus } from './api-key.view.js';
import { TellOfKeys } from './tell-of-keys.js';
import { type KeyAlert, type WatchedKey, WatchedKeys } from './watched-keys.port.js';
import { WriteKeyService } from './write-key.service.js';

const WATCHED = `
SELECT organization_id AS "organizationId", id AS "keyId"
  FROM api_keys
 WHERE policy #>> '{security,audit,alert_on_suspicious}' = 'true'
   AND (organization_id, id) > ($1, $2)
 ORDER BY organization_id, id
 LIMIT $3`;

@Injectable()
export class AlertOnKeyService extends WatchedKeys {
  constructor(
    private readonly written: WriteKeyService,
    private readonly news: TellOfKeys,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {
    super();
  }

  override listAcrossTenants(after: WatchedKey | null, limit: number): Promise<WatchedKey[]> {
    const { organizationId, keyId } = after ?? { organizationId: '', keyId: '' };
    return this.transactions.sql<WatchedKey>(WATCHED, [organizationId, keyId, limit]);
  }

  override async alert(
    { organizationId, keyId }: WatchedKey,
    { rule, at, facts }: KeyAlert,
    isToDisable: boolean,
  ): Promise<'disabled' | 'none'> {
    const key = await this.written.lock(organizationId, keyId);
    if (!key) return 'none';
    const now = this.clock.now();
    const action = isToDisable && keyStatus(key, now) === 'active' ? 'disabled' : 'none';
    const reason = `Suspicious use: ${rule}`;
    await this.news.tell('security.suspicious_activity', key, { reason, at, action, rule, facts });
    if (action === 'none') return action;
    const changes = { disabledAt: new Date(now), disabledReason: reason, enableAt: null };
    await this.written.update(key, changes, null);
    return action;
  }
}
