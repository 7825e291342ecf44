import { Injectable } from '@nestjs/common';
import { In, type QueryDeepPartialEntity } from 'typeorm';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ApiKeyEntity } from './api-key.entity.js';
import { ApiKeySecretEntity } from './api-key-secret.entity.js';

/** A key and its newest secret, which is the one that is shown. */
export type KeyWithSecret = { readonly key: ApiKeyEntity; readonly secret: ApiKeySecretEntity };

/** What is stored of a secret, and how it was made of it. */
export type SecretDigest = Pick<ApiKeySecretEntity, 'scheme' | 'digest'>;

@Injectable()
export class ApiKeyRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(key: ApiKeyEntity, secret: ApiKeySecretEntity): Promise<void> {
    await this.transactions.manager.insert(ApiKeyEntity, writable(key));
    await this.transactions.manager.insert(ApiKeySecretEntity, secret);
  }

  /**
   * By what a presented secret may be stored as, before anybody knows whose it is. One indexed query; of several the
   * first one counts.
   */
  async findByDigestAcrossTenants(digests: readonly SecretDigest[]): Promise<KeyWithSecret | null> {
    const rows = await this.transactions.manager
      .createQueryBuilder(ApiKeySecretEntity, 'secret')
      .innerJoinAndMapOne('secret.key', ApiKeyEntity, 'key', 'key.id = secret.key_id')
      .where('secret.digest IN (:...digests)', { digests: digests.map(({ digest }) => digest) })
      .getMany();
    for (const { scheme, digest } of digests) {
      const row = rows.find((one) => one.scheme === scheme && one.digest.equals(digest));
      if (row) return { key: (row as ApiKeySecretEntity & { key: ApiKeyEntity }).key, secret: row };
    }
    return null;
  }

  /** Unless it was replaced meanwhile. */
  async replaceDigestAcrossTenants(
    { id, scheme }: ApiKeySecretEntity,
    next: SecretDigest,
  ): Promise<void> {
    await this.transactions.manager.update(ApiKeySecretEntity, { id, scheme }, next);
  }

  async find(organizationId: string, id: string): Promise<KeyWithSecret | null> {
    const key = await this.transactions.manager.findOneBy(ApiKeyEntity, { organizationId, id });
    return key ? ((await this.#withSecrets([key]))[0] ?? null) : null;
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<KeyWithSecret[]> {
    const query = this.transactions.manager
      .createQueryBuilder(ApiKeyEntity, 'key')
      .where('key.organization_id = :organizationId', { organizationId })
      .orderBy('key.createdAt', 'DESC')
      .addOrderBy('key.id', 'DESC')
      .limit(limit + 1);
    if (after) query.andWhere('(key.created_at, key.id) < (:createdAt, :id)', after);
    return this.#withSecrets(await query.getMany());
  }

  async lockForUpdate(organizationId: string, id: string): Promise<ApiKeyEntity | null> {
    return this.transactions.manager.findOne(ApiKeyEntity, {
      where: { organizationId, id },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** Writes the changed columns and counts the version up. */
  async update(key: ApiKeyEntity, changes: Partial<ApiKeyEntity>): Promise<ApiKeyEntity> {
    const next = { ...key, ...changes, version: key.version + 1 };
    await this.transactions.manager.update(
      ApiKeyEntity,
      { organizationId: key.organizationId, id: key.id },
      writable({ ...changes, version: next.version }),
    );
    return next;
  }

  async countOfLevelAcrossTenants(accessLevel: 'master'): Promise<number> {
    return this.transactions.manager.countBy(ApiKeyEntity, { accessLevel });
  }

  async #withSecrets(keys: readonly ApiKeyEntity[]): Promise<KeyWithSecret[]> {
    if (keys.length === 0) return [];
    const secrets = await this.transactions.manager.find(ApiKeySecretEntity, {
      where: { keyId: In(keys.map(({ id }) => id)) },
      order: { createdAt: 'ASC' },
    });
    const newest = new Map(secrets.map((secret) => [secret.keyId, secret]));
    return keys.flatMap((key) => {
      const secret = newest.get(key.id);
      return secret ? [{ key, secret }] : [];
    });
  }
}

/** TypeORM's type of what may be written does not know that a JSON column takes any JSON. */
function writable(columns: Partial<ApiKeyEntity>): QueryDeepPartialEntity<ApiKeyEntity> {
  return columns as QueryDeepPartialEntity<ApiKeyEntity>;
}
