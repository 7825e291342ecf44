import { usdNumber } from '#common/money/money.js';
import type { AuditFacts } from '#platform/audit-trail/audit-trail.port.js';

import type { CreditGrant } from './credit-grant.js';
import type { CreditGrantResponse } from './dto/credit.responses.js';

export function viewGrant(grant: CreditGrant): CreditGrantResponse {
  return {
    id: grant.id,
    organization_id: grant.organizationId,
    kind: grant.kind,
    amount: usdNumber(grant.amountNanos),
    remaining: usdNumber(grant.remainingNanos),
    reason: grant.reason,
    expires_at: grant.expiresAt?.toISOString() ?? null,
    granted_by: grant.grantedBy,
    created_at: grant.createdAt.toISOString(),
  };
}

/** Without what is left of it, which changes with every call. */
export function auditedGrant(grant: CreditGrant): AuditFacts {
  const { id, kind, amount, reason, expires_at, granted_by } = viewGrant(grant);
  return { id, kind, amount, reason, expires_at, granted_by };
}
