import type { Secret } from '#common/secret/secret.js';

import type { KeyWithSecret } from './api-key.repository.js';
import { compileKeyView, type KeyView } from './domain/key-view.js';
import { rightsInForce } from './domain/owner-rights.js';
import { fromPolicyDocument } from './domain/policy/policy-document.js';
import { isRuled, NO_RULES } from './environments/domain/environment-rules.js';

/** A stored key as requests with this secret are decided on. */
export function keyViewOf(
  { key, secret, standing, owner, environmentRules }: KeyWithSecret,
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
    environmentRules:
      environmentRules && isRuled(key)
        ? { rules: { ...NO_RULES, ...environmentRules }, createdAt: key.createdAt.getTime() }
        : null,
    ...rightsInForce(key, owner),
    policy: fromPolicyDocument(key.policy),
    expiresAt: msOf(key.expiresAt),
    disabledAt: msOf(key.disabledAt),
    enableAt: msOf(key.enableAt),
    revokedAt: msOf(key.revokedAt),
    awaitsApproval: key.awaitsApproval,
    secretId: secret.id,
    secretExpiresAt: msOf(secret.expiresAt),
    secretRetiredAt: msOf(secret.retiredAt),
    signingSecret,
  });
}

function msOf(time: Date | null): number | null {
  return time?.getTime() ?? null;
}
