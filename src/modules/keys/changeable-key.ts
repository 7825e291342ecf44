import { AppError } from '#common/errors/app-error.js';

import type { ApiKeyEntity } from './api-key.entity.js';
import type { Grant } from './domain/grant.js';
import type { RuledKey } from './environments/domain/environment-rules.js';
import { fromPolicyDocument } from './domain/policy/policy-document.js';

/** What is changed of a key so that it is not disabled any more. */
export const ENABLED = { disabledAt: null, disabledReason: null, enableAt: null };

/** @throws {AppError} `conflict` */
export function assertNotRevoked(key: ApiKeyEntity, now: number): void {
  if (!isRevoked(key, now)) return;
  throw new AppError('conflict', {
    message: `The key ${key.id} is revoked. That is for good: make another.`,
  });
}

/** @throws {AppError} `conflict` */
export function assertApproved(key: ApiKeyEntity): void {
  if (!key.awaitsApproval) return;
  throw new AppError('conflict', {
    message: `The key ${key.id} waits for approval: what it is can’t be changed to more before that.`,
  });
}

export function isRevoked({ revokedAt }: ApiKeyEntity, now: number): boolean {
  return revokedAt !== null && revokedAt.getTime() <= now;
}

/** What the rules of its environment look at. */
export function ruledKeyOf(key: ApiKeyEntity): RuledKey {
  return { ...grantOf(key), createdAt: key.createdAt.getTime() };
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
