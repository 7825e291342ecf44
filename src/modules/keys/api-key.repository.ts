import { Injectable } from '@nestjs/common';
import { ArrayContains, In, IsNull, LessThanOrEqual, type SelectQueryBuilder } from 'typeorm';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { writable } from '#platform/database/writable.js';

import { ApiKeyEntity } from './api-key.entity.js';
import { ApiKeySecretEntity } from './api-key-secret.entity.js';
import type { Holder, KeyType, Standing } from './domain/belonging.js';
import type { KeyReach } from './domain/key-reach.js';
import type { KeyAttributes } from './key-attributes.port.js';
import {
  HOLDERS,
  type KeySurroundings,
  SURROUNDINGS,
  surroundingsOf,
  type SurroundingsRow,
} from './key-surroundings.js';
import { managedFrom, seenFrom } from './reach-conditions.js';

/** A key, and the secret by which it was found, or the newest that somebody has, which is the one that is shown. */
export type KeyWithSecret = KeySurroundings & {
  readonly key: ApiKeyEntity;
  readonly secret: ApiKeySecretEntity;
};

/** What keys must have to be listed. Absent: anything. */
export type KeyFilter = {
  readonly type?: KeyType;
  readonly teamId?: string;
  readonly ownerId?: string;
  readonly serviceAccountId?: string;
  readonly projectId?: string;
  /** Those in use at `now` that were there at `since` already. */
  readonly unused?: { readonly since: Date; readonly now: Date } | null;
};

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
    const { entities, raw } = await this.transactions.manager
      .createQueryBuilder(ApiKeySecretEntity, 'secret')
      .innerJoinAndMapOne('secret.key', ApiKeyEntity, 'key', 'key.id = secret.key_id')
      .addSelect(SURROUNDINGS.standing, 'standing')
      .addSelect(SURROUNDINGS.owner, 'owner')
      .addSelect(SURROUNDINGS.environmentRules, 'environmentRules')
      .where('secret.digest IN (:...digests)', { digests: digests.map(({ digest }) => digest) })
      .getRawAndEntities<SurroundingsRow>();
    return entities.flatMap((secret, at) =>
      digests.some((one) => isDigestOf(secret, one))
        ? [
            {
              key: (secret as ApiKeySecretEntity & { key: ApiKeyEntity }).key,
              secret,
              ...surroundingsOf(raw[at]),
            },
          ]
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

  async find(reach: KeyReach, id: string): Promise<KeyWithSecret | null> {
    const key = await this.#seen(reach).andWhere({ id }).getOne();
    return key ? ((await this.#withSecrets([key]))[0] ?? null) : null;
  }

  async exists(reach: KeyReach, id: string): Promise<boolean> {
    return this.#seen(reach).andWhere({ id }).getExists();
  }

  /** Whether who sees the key may change it too. */
  async isManaged(reach: KeyReach, id: string): Promise<boolean> {
    if (reach.userId === null) return true;
    const query = this.transactions.manager.createQueryBuilder(ApiKeyEntity, 'key');
    return managedFrom(query, reach).andWhere({ id }).getExists();
  }

  /** Of the metadata only the start of one field, as text. */
  listAttributes(
    reach: KeyReach,
    ids: readonly string[],
    metadataField: string | null,
  ): Promise<(KeyAttributes & { readonly id: string })[]> {
    return this.#seen(reach)
      .select('key.id', 'id')
      .addSelect('key.name', 'name')
      .addSelect('key.environment', 'environment')
      .addSelect('key.owner_id', 'ownerId')
      .addSelect('key.team_id', 'teamId')
      .addSelect('key.project_ids[1]', 'projectId')
      .addSelect(`left(key.metadata->>:metadataField, ${MAX_SHOWN_METADATA})`, 'metadata')
      .andWhere('key.id = ANY(:ids)', { ids, metadataField })
      .getRawMany();
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    reach: KeyReach,
    after: CursorPosition | null,
    limit: number,
    filter: KeyFilter = {},
  ): Promise<KeyWithSecret[]> {
    const query = this.#page(reach, after, limit);
    const { type, teamId, ownerId, serviceAccountId, projectId, unused } = filter;
    query.andWhere({
      ...(type !== undefined && { type }),
      ...(teamId !== undefined && { teamId }),
      ...(ownerId !== undefined && { ownerId }),
      ...(serviceAccountId !== undefined && { serviceAccountId }),
      ...(projectId !== undefined && { projectIds: ArrayContains([projectId]) }),
      ...(unused && { createdAt: LessThanOrEqual(unused.since) }),
    });
    if (unused) query.andWhere(IN_USE, { now: unused.now });
    return this.#withSecrets(await query.getMany());
  }

  /** Like {@link list}, without those that are revoked at `now`. */
  async listInUse(
    reach: KeyReach,
    after: CursorPosition | null,
    limit: number,
    now: Date,
  ): Promise<ApiKeyEntity[]> {
    return this.#page(reach, after, limit).andWhere(IN_USE, { now }).getMany();
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
    reach: KeyReach,
    name: string,
    limit: number,
    now: Date,
  ): Promise<ApiKeyEntity[]> {
    return this.#seen(reach)
      .andWhere({ name })
      .andWhere(IN_USE, { now })
      .orderBy('key.createdAt', 'ASC')
      .addOrderBy('key.id', 'ASC')
      .limit(limit)
      .setLock('pessimistic_write')
      .getMany();
  }

  /** Those in use at `now` whose holder, of that kind, is gone, unless somebody locks them. `null`: whoever that is. */
  lockOwnerlessAcrossTenants(
    kind: Holder['kind'],
    holder: Holder | null,
    limit: number,
    now: Date,
  ): Promise<ApiKeyEntity[]> {
    const { column, isGone } = HOLDERS[kind];
    const query = this.transactions.manager
      .createQueryBuilder(ApiKeyEntity, 'key')
      .where(`${column} IS NOT NULL`)
      .andWhere(IN_USE, { now })
      .andWhere(isGone)
      .limit(limit)
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked');
    if (holder) {
      query.andWhere(`key.organization_id = :organizationId AND ${column} = :id`, holder);
    }
    return query.getMany();
  }

  async lockForUpdate(reach: KeyReach, id: string): Promise<ApiKeyEntity | null> {
    return this.#seen(reach).andWhere({ id }).setLock('pessimistic_write').getOne();
  }

  async findAll(reach: KeyReach, ids: readonly string[]): Promise<ApiKeyEntity[]> {
    return this.#seen(reach)
      .andWhere({ id: In(ids) })
      .getMany();
  }

  /** In the order in which several keys are always locked: the oldest first. */
  async lockAllForUpdate(organizationId: string, ids: readonly string[]): Promise<ApiKeyEntity[]> {
    return this.transactions.manager.find(ApiKeyEntity, {
      where: { organizationId, id: In(ids) },
      order: { createdAt: 'ASC', id: 'ASC' },
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

  #seen(reach: KeyReach): SelectQueryBuilder<ApiKeyEntity> {
    const query = this.transactions.manager.createQueryBuilder(ApiKeyEntity, 'key');
    return seenFrom(query, reach);
  }

  #page(
    reach: KeyReach,
    after: CursorPosition | null,
    limit: number,
  ): SelectQueryBuilder<ApiKeyEntity> {
    const query = this.#seen(reach)
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
    const surroundings = await this.#surroundingsOf(keys);
    return keys.flatMap((key) => {
      const secret = current.get(key.id);
      return secret ? [{ key, secret, ...surroundingsOf(surroundings.get(key.id)) }] : [];
    });
  }

  /** Of a key that somebody has read already. */
  async standingOf(key: ApiKeyEntity): Promise<Standing | null> {
    return (await this.#surroundingsOf([key])).get(key.id)?.standing ?? null;
  }

  async #surroundingsOf(
    keys: readonly ApiKeyEntity[],
  ): Promise<ReadonlyMap<string, SurroundingsRow>> {
    const rows = await this.transactions.sql<SurroundingsRow & { id: string }>(
      `SELECT key.id, ${SURROUNDINGS.standing} AS standing, ${SURROUNDINGS.owner} AS owner,
              ${SURROUNDINGS.environmentRules} AS "environmentRules"
         FROM api_keys AS key
        WHERE key.organization_id = ANY ($1) AND key.id = ANY ($2)`,
      [keys.map(({ organizationId }) => organizationId), keys.map(({ id }) => id)],
    );
    return new Map(rows.map(({ id, ...rest }) => [id, rest]));
  }
}

/** A digest is only ever compared with one that was made in the same way. */
export function isDigestOf(secret: ApiKeySecretEntity, { scheme, digest }: SecretDigest): boolean {
  return secret.scheme === scheme && secret.digest.equals(digest);
}
