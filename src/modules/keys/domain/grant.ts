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
import {
  assertPolicyWithin,
  type PolicySources,
  policyWithin,
  type SourcedPolicy,
} from './policy/policy-within.js';
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
 * @param defaults what it starts with instead of the creator's policy, which is within that already
 * @throws {AppError} `escalation_denied` naming the field that asks for more
 */
export function grantWithin(
  creator: KeyView,
  requested: RequestedGrant,
  defaults: SourcedPolicy | null = null,
): Grant {
  const { policy, sources } = policyWithin(creator.policy, requested.policy, defaults);
  return {
    ...grantScopes(creator, requested),
    environment: grantEnvironment(creator, requested.environment),
    policy,
    policySources: sources,
    expiresAt: grantExpiry(creator, requested.expiresAt),
  };
}

/** What of a key is to be changed. Absent: stays as it is. */
export type RequestedChange = {
  readonly accessLevel?: AccessLevel;
  readonly scopes?: readonly Scope[];
  readonly policy: RequestedPolicy;
  /** `null`: as the changing key's. */
  readonly expiresAt?: number | null;
};

/**
 * What a key gets when `changer` changes it. Whoever changes what a key may do must be allowed all that it may do then:
 * else a key could be made to do for its changer what the changer may not.
 * @throws {AppError} `escalation_denied` naming the field
 */
export function regrantWithin(changer: KeyView, current: Grant, change: RequestedChange): Grant {
  const { accessLevel, scopes, expiresAt } = change;
  const before = { policy: current.policy, sources: current.policySources };
  const { policy, sources } = policyWithin(changer.policy, change.policy, before);
  const next = {
    ...current,
    ...((accessLevel !== undefined || scopes !== undefined) &&
      grantScopes(changer, { accessLevel: accessLevel ?? null, scopes: scopes ?? null })),
    policy,
    policySources: sources,
    ...(expiresAt !== undefined && { expiresAt: grantExpiry(changer, expiresAt) }),
  };
  assertGrantWithin(changer, next);
  return next;
}

/**
 * @throws {AppError} `escalation_denied` naming a field in which `grant` has more than `limit`
 */
export function assertGrantWithin(limit: KeyView, grant: Grant): void {
  grantScopes(limit, grant);
  grantEnvironment(limit, grant.environment);
  assertPolicyWithin(limit.policy, grant.policy);
  if (grant.expiresAt === null && Number.isFinite(limit.expiresAt)) {
    throw denied('expires_at', 'The key would live longer than this one.');
  }
  grantExpiry(limit, grant.expiresAt);
}

/** A key is given one of them; the other follows from it. */
export function levelAndScopes(): AppError {
  return new AppError('invalid_request', {
    message: 'Give access_level or scopes, not both.',
    param: 'scopes',
  });
}

function denied(param: string, message: string): AppError {
  return new AppError('escalation_denied', { param, message });
}

function grantScopes(
  creator: KeyView,
  { accessLevel, scopes }: Pick<RequestedGrant, 'accessLevel' | 'scopes'>,
): Pick<Grant, 'accessLevel' | 'scopes'> {
  if (accessLevel === 'master' && creator.accessLevel !== 'master') {
    throw denied('access_level', 'Only a master key makes master keys.');
  }
  const level = accessLevel ?? (scopes ? null : 'inference');
  const asked = scopes ?? (level ? SCOPES_OF_LEVEL[level] : []);
  const missing = scopeMask(asked) & ~grantableScopes(creator.scopeMask);
  if (missing !== 0) {
    throw denied(
      scopes ? 'scopes' : 'access_level',
      `This key can’t grant what it has not itself: ${scopesOf(missing).join(', ')}.`,
    );
  }
  return { accessLevel: level, scopes: asked };
}

/** What a holder of these scopes may give a key. */
export function grantableScopes(own: ScopeMask): ScopeMask {
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
