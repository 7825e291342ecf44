import { Injectable } from '@nestjs/common';

import { newId } from '#common/ids/prefixed-id.js';
import type { Secret } from '#common/secret/secret.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type ChannelAddress, KeyChannels } from './key-channels.port.js';
import { WebhookSecrets } from './webhook-secrets.js';

@Injectable()
export class KeyChannelsService extends KeyChannels {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly webhookSecrets: WebhookSecrets,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async set(
    organizationId: string,
    keyId: string,
    channels: readonly ChannelAddress[],
  ): Promise<{ address: string; secret: Secret }[]> {
    const there = await this.list(organizationId, keyId);
    const missing = channels.filter((one) => !there.some((other) => isSame(one, other)));
    const over = there.filter((one) => !channels.some((other) => isSame(one, other)));
    for (const { kind, address } of over) {
      await this.transactions.sql(
        `DELETE FROM notification_channels WHERE organization_id = $1 AND key_id = $2 AND kind = $3 AND address = $4`,
        [organizationId, keyId, kind, address],
      );
    }
    const secrets: { address: string; secret: Secret }[] = [];
    for (const { kind, address } of missing) {
      const id = newId(kind === 'webhook' ? 'webhook' : 'channel');
      const issued = kind === 'webhook' ? this.webhookSecrets.issue(id) : null;
      if (issued) secrets.push({ address, secret: issued.secret });
      await this.transactions.sql(
        `INSERT INTO notification_channels (id, organization_id, key_id, kind, address, events, sealed_secret, created_at)
         VALUES ($1, $2, $3, $4, $5, '{*}', $6, $7)`,
        [
          id,
          organizationId,
          keyId,
          kind,
          address,
          issued?.sealed ?? null,
          new Date(this.clock.now()),
        ],
      );
    }
    return secrets;
  }

  override list(organizationId: string, keyId: string): Promise<ChannelAddress[]> {
    return this.transactions.sql<ChannelAddress>(
      `SELECT kind, address FROM notification_channels
        WHERE organization_id = $1 AND key_id = $2 ORDER BY created_at, id`,
      [organizationId, keyId],
    );
  }
}

function isSame(one: ChannelAddress, other: ChannelAddress): boolean {
  return one.kind === other.kind && one.address === other.address;
}
