import { AppError } from '#common/errors/app-error.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import type { Grant } from './domain/grant.js';
import type { KeyView } from './domain/key-view.js';
import { fromPolicyDocument } from './domain/policy/policy-document.js';

/**
 * @param key what was found of that id in the caller's organization
 * @throws {AppError} `not_found`, `escalation_denied`
 */
export function assertMayChange(
  caller: KeyView,
  keyId: string,
  key: ApiKeyEntity | null,
): asserts key {
  if (!key) throw new AppError('not_found', { message: `There is no key ${keyId}.` });
  if (key.accessLevel !== 'master' || caller.accessLevel === 'master') return;
  throw new AppError('escalation_denied', { message: 'Only a master key changes master keys.' });
}

/** @throws {AppError} `conflict` */
export function assertNotRevoked(key: ApiKeyEntity, now: number): void {
  if (!isRevoked(key, now)) return;
  throw new AppError('conflict', {
    message: `The key ${key.id} is revoked. That is for good: make another.`,
  });
}

export function isRevoked({ revokedAt }: ApiKeyEntity, now: number): boolean {
  return revokedAt !== null && revokedAt.getTime() <= now;
}

/** What a stored key may do. */
export function grantOf(key: ApiKeyEntity): Grant {
  return {
    accessLevel: key.accessLevel,
    scopes: key.scopes,
    environment: key.environment,
    policy: fromPolicyDocument(key.policy),
    policySources: key.policySources,
    expiresAt: key.expiresAt?.getTime() ?? null,
  };
}
