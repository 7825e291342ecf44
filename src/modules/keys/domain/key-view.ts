import type { Environment, Principal } from '#common/auth/principal.js';
import { type AccessLevel, type Scope, scopeMask } from '#common/auth/scopes.js';

import { compileNames, type KeyPolicy, type NameMatcher } from './key-policy.js';

/** A key as PostgreSQL has it, with the secret that was presented. Times in milliseconds since the epoch. */
export type KeyRecord = {
  readonly keyId: string;
  readonly organizationId: string;
  readonly environment: Environment;
  readonly accessLevel: AccessLevel | null;
  readonly scopes: readonly Scope[];
  readonly policy: KeyPolicy;
  readonly expiresAt: number | null;
  readonly disabledAt: number | null;
  readonly revokedAt: number | null;
  readonly secretExpiresAt: number | null;
};

/**
 * All that a request's decision needs of its key, compiled once and then only read: no I/O, no parsing, no allocation
 * on the way of a request.
 */
export type KeyView = Principal & {
  readonly environment: Environment;
  /** `test` keys are answered by the sandbox. */
  readonly isTest: boolean;
  readonly isReadOnly: boolean;
  readonly isDisabled: boolean;
  readonly policy: KeyPolicy;
  readonly expiresAt: number;
  readonly revokedAt: number;
  readonly allowsModel: NameMatcher;
};

const NEVER = Number.POSITIVE_INFINITY;

export function compileKeyView(record: KeyRecord): KeyView {
  const { allowed, denied } = record.policy.models;
  const isAllowed = allowed === null ? () => true : compileNames(allowed);
  const isDenied = compileNames(denied);
  return {
    keyId: record.keyId,
    organizationId: record.organizationId,
    environment: record.environment,
    accessLevel: record.accessLevel,
    scopeMask: scopeMask(record.scopes),
    isTest: record.environment !== 'production',
    isReadOnly: record.accessLevel === 'read_only',
    isDisabled: record.disabledAt !== null,
    policy: record.policy,
    expiresAt: Math.min(record.expiresAt ?? NEVER, record.secretExpiresAt ?? NEVER),
    revokedAt: record.revokedAt ?? NEVER,
    allowsModel: (model) => !isDenied(model) && isAllowed(model),
  };
}
