import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ApiKeyEntity } from '../api-key.entity.js';
import type { KeyReach } from '../domain/key-reach.js';
import { managedFrom } from '../reach-conditions.js';
import type { KeyInheritance } from './policy-template.js';

export type InheritingKey = KeyInheritance & {
  readonly id: string;
  readonly createdAt: Date;
};

const COLUMNS = `key_id AS "keyId", template_id AS "templateId", overrides, bound, defaults`;
const OF_KEYS_IN_USE = `FROM key_inheritances JOIN api_keys key ON key.id = key_id
  WHERE key_inheritances.organization_id = $1 AND key.organization_id = $1 AND template_id = ANY($2)
    AND (key.revoked_at IS NULL OR key.revoked_at > $3)`;

/** Which keys of an organization, that are not revoked at `now`, are made from one of the templates. */
export type OfTemplates = {
  readonly organizationId: string;
  readonly templateIds: readonly string[];
  readonly now: Date;
};

/** Rows are only written by who holds the organization's templates still. */
@Injectable()
export class KeyInheritanceRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async find(organizationId: string, keyId: string): Promise<KeyInheritance | null> {
    const [row] = await this.transactions.sql<KeyInheritance>(
      `SELECT ${COLUMNS} FROM key_inheritances WHERE organization_id = $1 AND key_id = $2`,
      [organizationId, keyId],
    );
    return row ?? null;
  }

  async put(organizationId: string, inheritance: KeyInheritance): Promise<void> {
    const { keyId, templateId, overrides, bound, defaults } = inheritance;
    await this.transactions.sql(
      `INSERT INTO key_inheritances (key_id, organization_id, template_id, overrides, bound, defaults)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (key_id) DO UPDATE SET template_id = EXCLUDED.template_id, overrides = EXCLUDED.overrides,
         bound = EXCLUDED.bound, defaults = EXCLUDED.defaults`,
      [
        ...[keyId, organizationId, templateId],
        ...[overrides, bound, defaults].map((document) => JSON.stringify(document)),
      ],
    );
  }

  async delete(organizationId: string, keyId: string): Promise<void> {
    await this.transactions.sql(
      'DELETE FROM key_inheritances WHERE organization_id = $1 AND key_id = $2',
      [organizationId, keyId],
    );
  }

  async deleteOfTemplate(organizationId: string, templateId: string): Promise<void> {
    await this.transactions.sql(
      'DELETE FROM key_inheritances WHERE organization_id = $1 AND template_id = $2',
      [organizationId, templateId],
    );
  }

  async count({ organizationId, templateIds, now }: OfTemplates): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      `SELECT count(*)::integer AS count ${OF_KEYS_IN_USE}`,
      [organizationId, templateIds, now],
    );
    return row?.count ?? 0;
  }

  /** Of those that {@link count} counts, the keys that may be changed from there. */
  async countManaged(reach: KeyReach, { templateIds, now }: OfTemplates): Promise<number> {
    const query = this.transactions.manager.createQueryBuilder(ApiKeyEntity, 'key');
    return managedFrom(query, reach)
      .andWhere('(key.revoked_at IS NULL OR key.revoked_at > :now)', { now })
      .andWhere(
        `EXISTS (SELECT FROM key_inheritances tie
          WHERE tie.key_id = key.id AND tie.organization_id = key.organization_id AND tie.template_id = ANY(:templateIds))`,
        { templateIds },
      )
      .getCount();
  }

  /** The newest key first, those after `after`, at most `limit`. */
  async list(
    of: OfTemplates,
    after: CursorPosition | null,
    limit: number,
  ): Promise<InheritingKey[]> {
    return this.#page(of, { after, limit, beyond: '<', order: 'DESC' });
  }

  /** Like {@link list}, the oldest key first: the order in which keys are locked. */
  async listOldestFirst(
    of: OfTemplates,
    after: CursorPosition | null,
    limit: number,
  ): Promise<InheritingKey[]> {
    return this.#page(of, { after, limit, beyond: '>', order: 'ASC' });
  }

  async #page(
    { organizationId, templateIds, now }: OfTemplates,
    { after, limit, beyond, order }: Page,
  ): Promise<InheritingKey[]> {
    return this.transactions.sql(
      `SELECT ${COLUMNS}, key.id, key.created_at AS "createdAt" ${OF_KEYS_IN_USE}
          AND ($4::timestamptz IS NULL OR (key.created_at, key.id) ${beyond} ($4, $5))
        ORDER BY key.created_at ${order}, key.id ${order} LIMIT $6`,
      [organizationId, templateIds, now, after?.createdAt ?? null, after?.id ?? null, limit],
    );
  }
}

type Page = {
  readonly after: CursorPosition | null;
  readonly limit: number;
  readonly beyond: '<' | '>';
  readonly order: 'ASC' | 'DESC';
};
