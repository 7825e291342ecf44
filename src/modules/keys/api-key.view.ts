import { usdNumber } from '#common/money/money.js';
import type { KeyUsageTotals } from '#modules/usage/index.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import type { KeyWithSecret } from './api-key.repository.js';
import { type KeyMember, suspenderOf } from './domain/belonging.js';
import { rightsInForce } from './domain/owner-rights.js';
import {
  fromPolicyDocument,
  type PolicyDocument,
  toPolicyDocument,
} from './domain/policy/policy-document.js';
import { POLICY_FIELD_NAMES, POLICY_FIELDS } from './domain/policy/policy-fields.js';
import type { PolicySource } from './domain/policy/policy-within.js';
import type {
  CallingKeyResponse,
  KeyPolicyResponse,
  KeyResponse,
  RevokedKeyResponse,
} from './dto/key.responses.js';
import type { KeyInheritance } from './templates/policy-template.js';

/** A key with all that is shown of it. */
type KeyToShow = KeyWithSecret & { readonly members: readonly KeyMember[] };

/** The state at `now`: decided by the clock, so that no job has to run for a key to expire. */
export function keyStatus(key: ApiKeyEntity, now: number): KeyResponse['status'] {
  if (key.revokedAt && key.revokedAt.getTime() <= now) return 'revoked';
  if (key.expiresAt && key.expiresAt.getTime() <= now) return 'expired';
  if (key.awaitsApproval) return 'pending_approval';
  const isEnabledAgain = key.enableAt !== null && key.enableAt.getTime() <= now;
  return key.disabledAt && !isEnabledAgain ? 'disabled' : 'active';
}

export function viewKey(
  { key, secret, standing, owner, members }: KeyToShow,
  lastUsedAt: Date | null,
  now: number,
): KeyResponse {
  return {
    id: key.id,
    name: key.name,
    prefix: secret.prefix,
    last_four: secret.lastFour,
    type: key.type,
    scope: {
      organization_id: key.organizationId,
      team_id: key.teamId,
      service_account_id: key.serviceAccountId,
      projects: key.projectIds,
    },
    owner_id: key.ownerId,
    members: members.map(({ userId, role, canManageKey }) => ({
      user_id: userId,
      role,
      can_manage_key: canManageKey,
    })),
    suspended_by: suspenderOf(standing),
    environment: key.environment,
    access_level: key.accessLevel,
    scopes: key.scopes,
    effective_scopes: [...rightsInForce(key, owner).scopes],
    status: keyStatus(key, now),
    policy: effectivePolicy(key),
    metadata: key.metadata,
    created_at: key.createdAt.toISOString(),
    disabled_reason: key.disabledReason,
    auto_enable_at: key.enableAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
    revoked_reason: key.revokedReason,
    expires_at: key.expiresAt?.toISOString() ?? null,
    last_used_at: lastUsedAt?.toISOString() ?? null,
    version: key.version,
  };
}

/** In full, also where the key was made before a field was added. */
function effectivePolicy({ policy }: ApiKeyEntity): PolicyDocument {
  return toPolicyDocument(fromPolicyDocument(policy));
}

/** @param tie `null` where it is not made from a template */
export function viewKeyPolicy(key: ApiKeyEntity, tie: KeyInheritance | null): KeyPolicyResponse {
  const sources = POLICY_FIELD_NAMES.map((name): [string, PolicySource[]] => {
    const { path } = POLICY_FIELDS[name];
    return [path, [...(key.policySources[path] ?? (['default'] as const))]];
  });
  return {
    key_id: key.id,
    version: key.version,
    created_by: key.createdBy,
    policy: effectivePolicy(key),
    sources: Object.fromEntries(sources),
    inherit_from: tie?.templateId ?? null,
    overrides: tie && { ...tie.overrides },
  };
}

export function viewCallingKey(
  key: KeyResponse,
  organizationId: string,
  usage: KeyUsageTotals,
): CallingKeyResponse {
  return {
    ...key,
    organization_id: organizationId,
    usage: {
      requests: usage.requests,
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      cost: usdNumber(usage.costNanos),
    },
  };
}

/** @param now when it is asked: the time of revocation may be yet to come */
export function viewRevokedKey(key: ApiKeyEntity, now: number): RevokedKeyResponse {
  const status = keyStatus(key, now);
  return {
    id: key.id,
    status,
    revoked: status === 'revoked',
    revoked_at: key.revokedAt?.toISOString() ?? null,
  };
}
