import { usdNumber } from '#common/money/money.js';

import type { OrganizationResponse } from './dto/organization.response.js';
import type { OrganizationEntity } from './organization.entity.js';

export function viewOrganization(organization: OrganizationEntity): OrganizationResponse {
  const { approvalBudgetThresholdNanos: threshold } = organization;
  return {
    id: organization.id,
    name: organization.name,
    status: organization.status,
    leaked_keys: organization.leakedKeyAction,
    unclaimed_secrets: organization.unclaimedSecrets,
    expiry_reminder_days: organization.expiryReminderDays,
    unused_key_days: organization.unusedKeyDays,
    unused_key_action: organization.unusedKeyAction,
    suspicious_keys: organization.suspiciousKeyAction,
    audit_retention_days: organization.auditRetentionDays,
    approval_expiry_hours: organization.approvalExpiryHours,
    approval_budget_threshold: threshold === null ? null : usdNumber(BigInt(threshold)),
    created_at: organization.createdAt.toISOString(),
  };
}
