import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ApiKeyEntity } from '../api-key.entity.js';
import { ApiKeySecretEntity } from '../api-key-secret.entity.js';

/** Who used a secret last. */
export type SecretUse = {
  readonly secretId: string;
  readonly at: Date;
  readonly address: string | null;
  readonly agent: string | null;
};
type KeyIds = { readonly organizationId: string; readonly keyId: string };

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

  /** All that are good at `now`, and the one that ended last. */
  async listShown(organizationId: string, keyId: string, now: Date): Promise<ApiKeySecretEntity[]> {
    const ended = await this.#of(organizationId, keyId)
      .andWhere('secret.expires_at <= :now', { now })
      .orderBy('secret.expires_at', 'DESC')
      .limit(1)
      .getMany();
    return [...ended, ...(await this.listGood(organizationId, keyId, now))];
  }

  async insert(secret: ApiKeySecretEntity): Promise<void> {
    await this.transactions.manager.insert(ApiKeySecretEntity, secret);
  }

  /**
   * Retires every secret of a key that is good at `now`: those that would end later than `at`, or never, end then. One that
   * waits to be claimed is held by nobody, so it ends now, and is forgotten.
   */
  async retire(organizationId: string, keyId: string, at: Date, now: Date): Promise<void> {
    await this.transactions.sql(
      `UPDATE api_key_secrets
          SET expires_at = CASE WHEN sealed IS NULL THEN LEAST(expires_at, $3) ELSE $4 END,
              retired_at = COALESCE(retired_at, $4),
              sealed = NULL
        WHERE key_id = (SELECT id FROM api_keys WHERE organization_id = $1 AND id = $2)
          AND (expires_at IS NULL OR expires_at > $4)`,
      [organizationId, keyId, at, now],
    );
  }

  /** Of the secrets that were replaced and are good at `now`. Answers whether there are any. */
  async moveEnds(organizationId: string, keyId: string, at: Date, now: Date): Promise<boolean> {
    const moved = await this.transactions.sql(
      `UPDATE api_key_secrets SET expires_at = $3
        WHERE key_id = (SELECT id FROM api_keys WHERE organization_id = $1 AND id = $2)
          AND expires_at > $4
       RETURNING id`,
      [organizationId, keyId, at, now],
    );
    return moved.length > 0;
  }

  /** @param secret of a key that is locked */
  async end({ id, keyId }: ApiKeySecretEntity, now: Date): Promise<void> {
    const ended = { expiresAt: now, retiredAt: now, sealed: null };
    await this.transactions.manager.update(ApiKeySecretEntity, { id, keyId }, ended);
  }

  /** @param secret of a key that is locked, and has no current one */
  async makeCurrent({ id, keyId }: ApiKeySecretEntity): Promise<void> {
    const current = { expiresAt: null, retiredAt: null };
    await this.transactions.manager.update(ApiKeySecretEntity, { id, keyId }, current);
  }

  /**
   * Where they are newer than what is known. A secret that is just being changed is left out, so that this never waits, and
   * never in a circle.
   */
  async noteUsesAcrossTenants(uses: readonly SecretUse[]): Promise<void> {
    await this.transactions.sql(
      `WITH used AS (
         SELECT given.* FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[])
                          AS given (id, at, address, agent)
           JOIN api_key_secrets AS secret USING (id)
            FOR NO KEY UPDATE OF secret SKIP LOCKED)
       UPDATE api_key_secrets AS secret
          SET last_used_at = used.at, last_used_address = used.address, last_used_agent = used.agent
         FROM used
        WHERE secret.id = used.id AND (secret.last_used_at IS NULL OR secret.last_used_at < used.at)`,
      [
        uses.map(({ secretId }) => secretId),
        uses.map(({ at }) => at),
        uses.map(({ address }) => address),
        uses.map(({ agent }) => agent),
      ],
    );
  }

  /** Of a key's secrets that were claimed and end at `from`: they end at `to`. */
  async moveEnd({ organizationId, keyId }: KeyIds, from: Date, to: Date): Promise<void> {
    await this.transactions.sql(
      `UPDATE api_key_secrets SET expires_at = $4
        WHERE key_id = (SELECT id FROM api_keys WHERE organization_id = $1 AND id = $2)
          AND expires_at = $3 AND sealed IS NULL`,
      [organizationId, keyId, from, to],
    );
  }

  /** Wipes what was sealed. */
  async markClaimed({ organizationId, keyId }: KeyIds, secretId: string, at: Date): Promise<void> {
    await this.transactions.sql(
      `UPDATE api_key_secrets SET sealed = NULL, claimed_at = $4
        WHERE key_id = (SELECT id FROM api_keys WHERE organization_id = $1 AND id = $2) AND id = $3`,
      [organizationId, keyId, secretId, at],
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
