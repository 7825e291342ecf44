import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { BudgetEntity } from './budget.entity.js';
import type { BudgetScope } from './domain/organization-budgets.js';

/** Any fixed number: the class of the locks on budgets among PostgreSQL's two-part advisory locks. */
const LOCK_CLASS = 7_203_004;

/** What makes two budgets the same one. */
export type BudgetIdentity = Pick<
  BudgetEntity,
  'organizationId' | 'scope' | 'scopeId' | 'window' | 'model'
>;

@Injectable()
export class BudgetRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Waits until nobody else adds to the organization's budgets, or takes away whom they bind, and keeps others from it for this transaction. */
  async hold(organizationId: string): Promise<void> {
    await this.transactions.sql('SELECT pg_advisory_xact_lock($1, hashtext($2))', [
      LOCK_CLASS,
      organizationId,
    ]);
  }

  async lockByIdentity(identity: BudgetIdentity): Promise<BudgetEntity | null> {
    return this.transactions.manager.findOne(BudgetEntity, {
      where: { ...identity },
      lock: { mode: 'pessimistic_write' },
    });
  }

  async lockById(organizationId: string, id: string): Promise<BudgetEntity | null> {
    return this.transactions.manager.findOne(BudgetEntity, {
      where: { organizationId, id },
      lock: { mode: 'pessimistic_write' },
    });
  }

  async count(organizationId: string): Promise<number> {
    return this.transactions.manager.countBy(BudgetEntity, { organizationId });
  }

  async insert(budget: BudgetEntity): Promise<void> {
    await this.transactions.manager.insert(BudgetEntity, budget);
  }

  /** Writes the changed columns and counts the version up. */
  async update(budget: BudgetEntity, changes: Partial<BudgetEntity>): Promise<BudgetEntity> {
    const next = { ...budget, ...changes, version: budget.version + 1 };
    await this.transactions.manager.update(
      BudgetEntity,
      { organizationId: budget.organizationId, id: budget.id },
      { ...changes, version: next.version },
    );
    return next;
  }

  /**
   * Newest first, one more than `limit` when there are more.
   * @param ids of which to answer; `null`: of all
   */
  async list(
    { organizationId, ids }: { organizationId: string; ids: readonly string[] | null },
    after: CursorPosition | null,
    limit: number,
  ): Promise<BudgetEntity[]> {
    const query = this.transactions.manager
      .createQueryBuilder(BudgetEntity, 'budget')
      .where('budget.organization_id = :organizationId', { organizationId })
      .orderBy('budget.createdAt', 'DESC')
      .addOrderBy('budget.id', 'DESC')
      .limit(limit + 1);
    if (ids) query.andWhere('budget.id = ANY (:ids)', { ids });
    if (after) query.andWhere('(budget.created_at, budget.id) < (:createdAt, :id)', after);
    return query.getMany();
  }

  async listAll(organizationId: string): Promise<BudgetEntity[]> {
    return this.transactions.manager.findBy(BudgetEntity, { organizationId });
  }

  lock(organizationId: string, id: string): Promise<BudgetEntity | null> {
    return this.transactions.manager.findOne(BudgetEntity, {
      where: { organizationId, id },
      lock: { mode: 'pessimistic_write' },
    });
  }

  lockAllOf(organizationId: string, scope: BudgetScope, scopeId: string): Promise<BudgetEntity[]> {
    return this.transactions.manager.find(BudgetEntity, {
      where: { organizationId, scope, scopeId },
      order: { id: 'ASC' },
      lock: { mode: 'pessimistic_write' },
    });
  }

  async delete(organizationId: string, id: string): Promise<void> {
    await this.transactions.manager.delete(BudgetEntity, { organizationId, id });
  }
}
