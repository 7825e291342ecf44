import type { Secret } from '#common/secret/secret.js';

import type { KeyWithSecret } from './api-key.repository.js';
import { compileKeyView, type KeyView } from './domain/key-view.js';
import { fromPolicyDocument } from './domain/policy/policy-document.js';

/** A stored key as requests with this secret are decided on. */
export function keyViewOf({ key, secret }: KeyWithSecret, signingSecret: Secret | null): KeyView {
  return compileKeyView({
    keyId: key.id,
    organizationId: key.organizationId,
    environment: key.environment,
    accessLevel: key.accessLevel,
    scopes: key.scopes,
    policy: fromPolicyDocument(key.policy),
    expiresAt: key.expiresAt?.getTime() ?? null,
    disabledAt: key.disabledAt?.getTime() ?? null,
    enableAt: key.enableAt?.getTime() ?? null,
    revokedAt: key.revokedAt?.getTime() ?? null,
    secretExpiresAt: secret.expiresAt?.getTime() ?? null,
    signingSecret,
  });
}
