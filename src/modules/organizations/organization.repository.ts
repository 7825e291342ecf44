import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';

import { newId } from '#common/ids/prefixed-id.js';
import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { OrganizationEntity } from './organization.entity.js';

/** What is changed of an organization. */
export type OrganizationSettings = Partial<
  Pick<
    OrganizationEntity,
    | 'leakedKeyAction'
    | 'unclaimedSecrets'
    | 'expiryReminderDays'
    | 'unusedKeyDays'
    | 'unusedKeyAction'
    | 'suspiciousKeyAction'
    | 'auditRetentionDays'
    | 'approvalExpiryHours'
    | 'approvalBudgetThresholdNanos'
    | 'status'
  >
>;

@Injectable()
export class OrganizationRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** The organization that exists without anybody having made it. Safe to call from several processes at once. */
  async ensureDefaultAcrossTenants(name: string): Promise<{ id: string; isMade: boolean }> {
    const made = await this.transactions.sql<{ id: string }>(
      `INSERT INTO organizations (id, name, is_default) VALUES ($1, $2, true)
       ON CONFLICT DO NOTHING RETURNING id`,
      [newId('organization'), name],
    );
    const isDefault = true;
    const { id } = await this.transactions.manager.findOneByOrFail(OrganizationEntity, {
      isDefault,
    });
    return { id, isMade: made.length > 0 };
  }

  find(organizationId: string): Promise<OrganizationEntity | null> {
    return this.transactions.manager.findOneBy(OrganizationEntity, { id: organizationId });
  }

  /** Keeps others from changing it until the current transaction ends. What only refers to it goes on. */
  lockForUpdate(organizationId: string): Promise<OrganizationEntity | null> {
    return this.transactions.manager.findOne(OrganizationEntity, {
      where: { id: organizationId },
      lock: { mode: 'for_no_key_update' },
    });
  }

  listAcrossTenants(afterId: string, limit: number): Promise<OrganizationEntity[]> {
    return this.transactions.manager.find(OrganizationEntity, {
      where: { id: MoreThan(afterId) },
      order: { id: 'ASC' },
      take: limit,
    });
  }

  /** Newest first, one more than `limit` when there are more. */
  pageAcrossTenants(after: CursorPosition | null, limit: number): Promise<OrganizationEntity[]> {
    const query = this.transactions.manager
      .createQueryBuilder(OrganizationEntity, 'organization')
      .orderBy('organization.createdAt', 'DESC')
      .addOrderBy('organization.id', 'DESC')
      .take(limit + 1);
    if (after) {
      query.where('(organization.createdAt, organization.id) < (:createdAt, :id)', after);
    }
    return query.getMany();
  }

  async insertAcrossTenants(id: string, name: string, createdAt: Date): Promise<void> {
    await this.transactions.manager.insert(OrganizationEntity, { id, name, createdAt });
  }

  async update(organizationId: string, changes: OrganizationSettings): Promise<void> {
    await this.transactions.manager.update(OrganizationEntity, { id: organizationId }, changes);
  }
}
