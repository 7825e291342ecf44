import { Injectable } from '@nestjs/common';

import { In } from 'typeorm';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { ProviderEntity } from './provider.entity.js';

export const PROVIDER_NAME_CONSTRAINT = 'providers_name';

@Injectable()
export class ProviderRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(provider: ProviderEntity): Promise<void> {
    await this.transactions.manager.insert(ProviderEntity, provider);
  }

  async find(organizationId: string, id: string): Promise<ProviderEntity | null> {
    return this.transactions.manager.findOneBy(ProviderEntity, { organizationId, id });
  }

  async findByName(organizationId: string, name: string): Promise<ProviderEntity | null> {
    return this.transactions.manager.findOneBy(ProviderEntity, { organizationId, name });
  }

  /** Those of `names` that the organization's providers have. */
  async namesAmong(organizationId: string, names: readonly string[]): Promise<string[]> {
    const where = { organizationId, name: In([...names]) };
    const found = await this.transactions.manager.find(ProviderEntity, {
      select: { name: true },
      where,
    });
    return found.map(({ name }) => name);
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<ProviderEntity[]> {
    const query = this.transactions.manager
      .createQueryBuilder(ProviderEntity, 'provider')
      .where('provider.organization_id = :organizationId', { organizationId })
      .orderBy('provider.createdAt', 'DESC')
      .addOrderBy('provider.id', 'DESC')
      .limit(limit + 1);
    if (after) query.andWhere('(provider.created_at, provider.id) < (:createdAt, :id)', after);
    return query.getMany();
  }

  async count(organizationId: string): Promise<number> {
    return this.transactions.manager.countBy(ProviderEntity, { organizationId });
  }

  async lockForUpdate(organizationId: string, id: string): Promise<ProviderEntity | null> {
    return this.transactions.manager.findOne(ProviderEntity, {
      where: { organizationId, id },
      lock: { mode: 'pessimistic_write' },
    });
  }

  /** Writes the changed columns and counts the version up. */
  async update(
    provider: ProviderEntity,
    changes: Partial<ProviderEntity>,
  ): Promise<ProviderEntity> {
    const next = { ...provider, ...changes, version: provider.version + 1 };
    await this.transactions.manager.update(
      ProviderEntity,
      { organizationId: provider.organizationId, id: provider.id },
      { ...changes, version: next.version },
    );
    return next;
  }

  async delete(organizationId: string, id: string): Promise<void> {
    await this.transactions.manager.delete(ProviderEntity, { organizationId, id });
  }
}
