import { Check, Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

import { TIMESTAMP } from '#platform/database/base.columns.js';

import type { BudgetScope, BudgetWindow } from './domain/organization-budgets.js';

/** How much money may be spent in a window, and by whom. */
@Entity('budgets')
@Index('budgets_identity', ['organizationId', 'scope', 'scopeId', 'window', 'model'], {
  unique: true,
})
@Index('budgets_listing', ['organizationId', 'createdAt', 'id'])
@Check(
  'budgets_scope_check',
  `scope IN ('key', 'each_key', 'user', 'each_user', 'team', 'project', 'organization')`,
)
@Check('budgets_window_check', `time_window IN ('daily', 'weekly', 'monthly')`)
@Check('budgets_limit_check', 'limit_nanos BETWEEN 0 AND 9000000000000000')
@Check('budgets_alert_threshold_check', 'alert_threshold > 0 AND alert_threshold <= 1')
export class BudgetEntity {
  @PrimaryColumn('text')
  id: string;

  @Column({ name: 'organization_id', type: 'text' })
  @ForeignKey('OrganizationEntity', { name: 'budgets_organization_fk' })
  organizationId: string;

  @Column('text')
  scope: BudgetScope;

  /** Of the key, user, team or project; the organization's own where the scope is all of it, or each of something. */
  @Column({ name: 'scope_id', type: 'text' })
  scopeId: string;

  /** `window` is a word of SQL's own. */
  @Column({ name: 'time_window', type: 'text' })
  window: BudgetWindow;

  /** Name or pattern of the models whose calls count; `*`: all. */
  @Column('text')
  model: string;

  /** PostgreSQL's `bigint` comes as text. This one is bounded so that a number holds it. */
  @Column({
    name: 'limit_nanos',
    type: 'bigint',
    transformer: { to: (nanos: number) => nanos, from: Number },
  })
  limitNanos: number;

  @Column({ name: 'alert_threshold', type: 'double precision', nullable: true })
  alertThreshold: number | null;

  @Column({ name: 'created_at', ...TIMESTAMP, default: () => 'now()' })
  createdAt: Date;

  @Column({ name: 'updated_at', ...TIMESTAMP, default: () => 'now()' })
  updatedAt: Date;

  /** Grows by one with each change. */
  @Column({ type: 'integer', default: 1 })
  version: number;
}
