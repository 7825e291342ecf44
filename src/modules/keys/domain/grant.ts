import type { Environment } from '#common/auth/principal.js';
import {
  type AccessLevel,
  type Scope,
  scopeMask,
  type ScopeMask,
  SCOPES_OF_LEVEL,
  scopesOf,
} from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';

import type { KeyView } from './key-view.js';
import type { KeyPolicy } from './policy/key-policy.js';
import { type PolicySources, policyWithin } from './policy/policy-within.js';
import type { RequestedPolicy } from './policy/read-policy.js';

export type RequestedGrant = {
  readonly accessLevel: AccessLevel | null;
  readonly scopes: readonly Scope[] | null;
  readonly environment: Environment;
  readonly policy: RequestedPolicy;
  readonly expiresAt: number | null;
};

/** What a new key really gets. */
export type Grant = {
  readonly accessLevel: AccessLevel | null;
  readonly scopes: readonly Scope[];
  readonly environment: Environment;
  readonly policy: KeyPolicy;
  readonly policySources: PolicySources;
  readonly expiresAt: number | null;
};

/** A holder of `keys:write` may hand these on without having them: that is what making keys for others is for. */
const GRANTABLE_WITH_KEYS_WRITE = scopeMask(['inference', 'models:read']);

/**
 * What the child of `creator` gets of what was asked for. Nothing that a key makes may do more than the key itself:
 * scopes, environment class, policy and lifetime are each within the creator's, and what is left out is the
 * creator's, never "no limit".
 * @throws {AppError} `escalation_denied` naming the field that asks for more
 */
export function grantWithin(creator: KeyView, requested: RequestedGrant): Grant {
  const { policy, sources } = policyWithin(creator.policy, requested.policy);
  return {
    ...grantScopes(creator, requested),
    environment: grantEnvironment(creator, requested.environment),
    policy,
    policySources: sources,
    expiresAt: grantExpiry(creator, requested.expiresAt),
  };
}

function denied(param: string, message: string): AppError {
  return new AppError('escalation_denied', { param, message });
}

function grantScopes(
  creator: KeyView,
  { accessLevel, scopes }: RequestedGrant,
): Pick<Grant, 'accessLevel' | 'scopes'> {
  if (accessLevel === 'master' && creator.accessLevel !== 'master') {
    throw denied('access_level', 'Only a master key makes master keys.');
  }
  const level = accessLevel ?? (scopes ? null : 'inference');
  const asked = scopes ?? (level ? SCOPES_OF_LEVEL[level] : []);
  const missing = scopeMask(asked) & ~grantableScopes(creator);
  if (missing !== 0) {
    throw denied(
      scopes ? 'scopes' : 'access_level',
      `This key can’t grant what it has not itself: ${scopesOf(missing).join(', ')}.`,
    );
  }
  return { accessLevel: level, scopes: asked };
}

function grantableScopes({ scopeMask: own }: KeyView): ScopeMask {
  const mayMakeKeys = (own & scopeMask(['keys:write'])) !== 0;
  return mayMakeKeys ? own | GRANTABLE_WITH_KEYS_WRITE : own;
}

function grantEnvironment(creator: KeyView, environment: Environment): Environment {
  if (creator.isTest && environment === 'production') {
    throw denied(
      'environment',
      'A test key makes test keys: name the environment development or staging.',
    );
  }
  return environment;
}

function grantExpiry(creator: KeyView, asked: number | null): number | null {
  const own = Number.isFinite(creator.expiresAt) ? creator.expiresAt : null;
  if (asked !== null && own !== null && asked > own) {
    throw denied('expires_at', `This key expires itself at ${new Date(own).toISOString()}.`);
  }
  return asked ?? own;
}
