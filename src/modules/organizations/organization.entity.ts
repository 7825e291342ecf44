import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

import { TIMESTAMP } from '#platform/database/base.columns.js';

import { DEFAULT_AUDIT_RETENTION_DAYS } from './audit-retention-policy.port.js';
import type { UnusedKeyAction } from './key-care-policies.port.js';
import type { LeakedKeyAction } from './leaked-key-policy.port.js';
import type { SuspiciousKeyAction } from './suspicious-key-policy.port.js';
import type { UnclaimedSecretAction } from './unclaimed-secret-policy.port.js';

@Entity('organizations')
@Index('organizations_one_default', ['isDefault'], { unique: true, where: 'is_default' })
@Index('organizations_listing', ['createdAt', 'id'])
@Check('organizations_leaked_key_action_check', `leaked_key_action IN ('revoke', 'disable')`)
@Check('organizations_unclaimed_secrets_check', `unclaimed_secrets IN ('extend', 'lapse')`)
@Check('organizations_status_check', `status IN ('active', 'suspended')`)
@Check(
  'organizations_suspicious_key_action_check',
  `suspicious_key_action IN ('notify', 'disable')`,
)
@Check(
  'organizations_approval_budget_threshold_check',
  'approval_budget_threshold_nanos BETWEEN 0 AND 9000000000000000',
)
@Check('organizations_audit_retention_days_check', 'audit_retention_days BETWEEN 30 AND 3650')
@Check('organizations_unused_key_action_check', `unused_key_action IN ('notify', 'disable')`)
export class OrganizationEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  name: string;

  @Column({ name: 'is_default', type: 'boolean', default: false })
  isDefault: boolean;

  @Column({ name: 'leaked_key_action', type: 'text', default: 'revoke' })
  leakedKeyAction: LeakedKeyAction;

  @Column({ name: 'unclaimed_secrets', type: 'text', default: 'extend' })
  unclaimedSecrets: UnclaimedSecretAction;
  @Column({ name: 'expiry_reminder_days', type: 'integer', array: true, default: [30, 7, 1] })
  expiryReminderDays: number[];

  /** `null`: nobody asks whether keys are used. */
  @Column({ name: 'unused_key_days', type: 'integer', nullable: true })
  unusedKeyDays: number | null;

  @Column({ name: 'unused_key_action', type: 'text', default: 'notify' })
  unusedKeyAction: UnusedKeyAction;

  @Column({ name: 'suspicious_key_action', type: 'text', default: 'notify' })
  suspiciousKeyAction: SuspiciousKeyAction;

  @Column({ name: 'audit_retention_days', type: 'integer', default: DEFAULT_AUDIT_RETENTION_DAYS })
  auditRetentionDays: number;

  @Column({ name: 'approval_expiry_hours', type: 'integer', default: 168 })
  approvalExpiryHours: number;

  /** Lifting a budget above it waits for somebody's approval; `null`: nothing waits. Bounded so that a number holds it. */
  @Column({
    name: 'approval_budget_threshold_nanos',
    type: 'bigint',
    nullable: true,
    transformer: {
      to: (nanos: number | null) => nanos,
      from: (nanos: string | null) => (nanos === null ? null : Number(nanos)),
    },
  })
  approvalBudgetThresholdNanos: number | null;

  /** Suspended, none of its keys and members gets anything. */
  @Column({ type: 'text', default: 'active' })
  status: 'active' | 'suspended';

  @Column({ name: 'created_at', ...TIMESTAMP, default: () => 'now()' })
  createdAt: Date;
}
