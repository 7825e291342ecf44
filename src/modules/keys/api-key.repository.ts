import { Injectable } from '@nestjs/common';
import { In, IsNull, type QueryDeepPartialEntity, type SelectQueryBuilder } from 'typeorm';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ApiKeyEntity } from './api-key.entity.js';
import { ApiKeySecretEntity } from './api-key-secret.entity.js';
import type { KeyAttributes } from './key-attributes.port.js';

/** A key, and the secret by which it was found, or the newest that somebody has, which is the one that is shown. */
export type KeyWithSecret = { readonly key: ApiKeyEntity; readonly secret: ApiKeySecretEntity };

/** What is stored of a secret, and how it was made of it. */
export type SecretDigest = Pick<ApiKeySecretEntity, 'scheme' | 'digest'>;

/** Any fixed number: the class of the locks on names of keys among PostgreSQL's two-part advisory locks. */
const NAME_LOCK_CLASS = 7_203_003;

/** Characters. */
const MAX_SHOWN_METADATA = 256;

const IN_USE = '(key.revoked_at IS NULL OR key.revoked_at > :now)';

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
    const found = await this.findByDigestsAcrossTenants(digests);
    for (const digest of digests) {
      const first = found.find(({ secret }) => isDigestOf(secret, digest));
      if (first) return first;
    }
    return null;
  }

  /** All that are stored as one of these, in no order. */
  async findByDigestsAcrossTenants(digests: readonly SecretDigest[]): Promise<KeyWithSecret[]> {
    const rows = await this.transactions.manager
      .createQueryBuilder(ApiKeySecretEntity, 'secret')
      .innerJoinAndMapOne('secret.key', ApiKeyEntity, 'key', 'key.id = secret.key_id')
      .where('secret.digest IN (:...digests)', { digests: digests.map(({ digest }) => digest) })
      .getMany();
    return rows.flatMap((secret) =>
      digests.some((one) => isDigestOf(secret, one))
        ? [{ key: (secret as ApiKeySecretEntity & { key: ApiKeyEntity }).key, secret }]
        : [],
    );
  }

  async findDigestAcrossTenants(secretId: string): Promise<SecretDigest | null> {
    return this.transactions.manager.findOneBy(ApiKeySecretEntity, { id: secretId });
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

  async exists(organizationId: string, id: string): Promise<boolean> {
    return this.transactions.manager.existsBy(ApiKeyEntity, { organizationId, id });
  }

  /** Of the metadata only the start of one field, as text. */
  listAttributes(
    organizationId: string,
    ids: readonly string[],
    metadataField: string | null,
  ): Promise<(KeyAttributes & { readonly id: string })[]> {
    return this.transactions.sql(
      `SELECT id, name, environment, left(metadata->>$3, ${MAX_SHOWN_METADATA}) AS metadata
         FROM api_keys WHERE organization_id = $1 AND id = ANY($2)`,
      [organizationId, ids, metadataField],
    );
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<KeyWithSecret[]> {
    return this.#withSecrets(await this.#page(organizationId, after, limit).getMany());
  }

  /** Like {@link list}, without those that are revoked at `now`. */
  async listInUse(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
    now: Date,
  ): Promise<ApiKeyEntity[]> {
    return this.#page(organizationId, after, limit).andWhere(IN_USE, { now }).getMany();
  }

  /** Waits until nobody else holds the organization's keys of that name, and holds them for this transaction. */
  async holdName(organizationId: string, name: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      NAME_LOCK_CLASS,
      `${organizationId} ${name}`,
    ]);
  }

  /** Those of that name that are not revoked at `now`, the oldest first, at most `limit`, locked. */
  async lockInUseByName(
    organizationId: string,
    name: string,
    limit: number,
    now: Date,
  ): Promise<ApiKeyEntity[]> {
    return this.transactions.manager
      .createQueryBuilder(ApiKeyEntity, 'key')
      .where({ organizationId, name })
      .andWhere(IN_USE, { now })
      .orderBy('key.createdAt', 'ASC')
      .addOrderBy('key.id', 'ASC')
      .limit(limit)
      .setLock('pessimistic_write')
      .getMany();
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

  #page(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): SelectQueryBuilder<ApiKeyEntity> {
    const query = this.transactions.manager
      .createQueryBuilder(ApiKeyEntity, 'key')
      .where('key.organization_id = :organizationId', { organizationId })
      .orderBy('key.createdAt', 'DESC')
      .addOrderBy('key.id', 'DESC')
      .limit(limit + 1);
    if (after) query.andWhere('(key.created_at, key.id) < (:createdAt, :id)', after);
    return query;
  }

  async #withSecrets(keys: readonly ApiKeyEntity[]): Promise<KeyWithSecret[]> {
    if (keys.length === 0) return [];
    const secrets = await this.transactions.manager.find(ApiKeySecretEntity, {
      where: { keyId: In(keys.map(({ id }) => id)), sealed: IsNull() },
      // The last wins: the current one has no end, and while the next one waits the one that ends last is shown.
      order: { expiresAt: 'ASC', createdAt: 'ASC' },
    });
    const current = new Map(secrets.map((secret) => [secret.keyId, secret]));
    return keys.flatMap((key) => {
      const secret = current.get(key.id);
      return secret ? [{ key, secret }] : [];
    });
  }
}

/** A digest is only ever compared with one that was made in the same way. */
export function isDigestOf(secret: ApiKeySecretEntity, { scheme, digest }: SecretDigest): boolean {
  return secret.scheme === scheme && secret.digest.equals(digest);
}

/** TypeORM's type of what may be written does not know that a JSON column takes any JSON. */
function writable(columns: Partial<ApiKeyEntity>): QueryDeepPartialEntity<ApiKeyEntity> {
  return columns as QueryDeepPartialEntity<ApiKeyEntity>;
}
