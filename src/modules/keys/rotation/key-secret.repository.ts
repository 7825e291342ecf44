import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeySecretEntity } from '../api-key-secret.entity.js';

@Injectable()
export class KeySecretRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** All that are not over at `now`, the oldest first. */
  async listGood(organizationId: string, keyId: string, now: Date): Promise<ApiKeySecretEntity[]> {
    return this.#of(organizationId, keyId)
      .andWhere('(secret.expires_at IS NULL OR secret.expires_at > :now)', { now })
      .orderBy('secret.created_at', 'ASC')
      .getMany();
  }

  async insert(secret: ApiKeySecretEntity): Promise<void> {
    await this.transactions.manager.insert(ApiKeySecretEntity, secret);
  }

  /** Of all secrets of a key those that would end later, or never, end then. */
  async cutOff(organizationId: string, keyId: string, at: Date): Promise<void> {
    await this.transactions.sql(
      `UPDATE api_key_secrets SET expires_at = $3
        WHERE key_id = (SELECT id FROM api_keys WHERE organization_id = $1 AND id = $2)
          AND (expires_at IS NULL OR expires_at > $3)`,
      [organizationId, keyId, at],
    );
  }

  #of(organizationId: string, keyId: string): SelectQueryBuilder<ApiKeySecretEntity> {
    return this.transactions.manager
      .createQueryBuilder(ApiKeySecretEntity, 'secret')
      .innerJoin(ApiKeyEntity, 'key', 'key.id = secret.key_id')
      .where('key.organization_id = :organizationId AND key.id = :keyId', {
        organizationId,
        keyId,
      });
  }
}
