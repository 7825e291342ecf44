import { isBuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import type { Scope } from '#common/auth/scopes.js';
import type { Secret } from '#common/secret/secret.js';

import type { KeyWithSecret } from './api-key.repository.js';
import type { HolderRole } from './domain/belonging.js';
import { compileKeyView, type KeyView } from './domain/key-view.js';
import { fromPolicyDocument } from './domain/policy/policy-document.js';

/** A stored key as requests with this secret are decided on. */
export function keyViewOf(
  { key, secret, standing, holderRole }: KeyWithSecret,
  signingSecret: Secret | null,
): KeyView {
  return compileKeyView({
    keyId: key.id,
    organizationId: key.organizationId,
    userId: key.ownerId,
    serviceAccountId: key.serviceAccountId,
    role: null,
    teamId: key.teamId,
    projectIds: key.projectIds,
    standing,
    environment: key.environment,
    accessLevel: key.accessLevel,
    scopes: scopesWithin(key.scopes, holderRole),
    policy: fromPolicyDocument(key.policy),
    expiresAt: msOf(key.expiresAt),
    disabledAt: msOf(key.disabledAt),
    enableAt: msOf(key.enableAt),
    revokedAt: msOf(key.revokedAt),
    secretId: secret.id,
    secretExpiresAt: msOf(secret.expiresAt),
    secretRetiredAt: msOf(secret.retiredAt),
    signingSecret,
  });
}

/** What a role does not have, or has no more, its holder’s keys have not. */
function scopesWithin(scopes: readonly Scope[], holderRole: HolderRole | null): readonly Scope[] {
  if (holderRole === null) return scopes;
  const { role, scopes: own } = holderRole;
  const held = isBuiltInRole(role) ? SCOPES_OF_ROLE[role] : (own ?? []);
  return scopes.filter((scope) => held.includes(scope));
}

function msOf(time: Date | null): number | null {
  return time?.getTime() ?? null;
}
