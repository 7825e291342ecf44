import { isBuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import type { Scope } from '#common/auth/scopes.js';

import type { Holder, Standing } from './domain/belonging.js';
import type { OwnerRole } from './domain/owner-rights.js';
import type { EnvironmentRules } from './environments/domain/environment-rules.js';

/** What others make of a key. Read with it, so that a call pays nothing for it. */
export type KeySurroundings = {
  readonly standing: Standing | null;
  /** `null` where it is no person's own, and no service account's. */
  readonly owner: OwnerRole | null;
  /** What its organization demands of keys of its environment; `null`: nothing. */
  readonly environmentRules: EnvironmentRules | null;
};

export const NO_SURROUNDINGS: KeySurroundings = {
  standing: null,
  owner: null,
  environmentRules: null,
};

/** As PostgreSQL answers them. */
export type SurroundingsRow = Omit<KeySurroundings, 'owner'> & {
  /** `own`: the scopes of a role of the organization's own. */
  readonly owner: { readonly role: string; readonly own?: readonly Scope[] | null } | null;
};

const OWNER_IS_GONE = `NOT EXISTS (
  SELECT FROM organization_members WHERE organization_id = key.organization_id AND user_id = key.owner_id)`;

const ACCOUNT_IS_GONE = `NOT EXISTS (
  SELECT FROM service_accounts WHERE organization_id = key.organization_id AND id = key.service_account_id)`;

/** Of a key named `key`, by whose it is: the column that says so, and whether they are gone. */
export const HOLDERS: Readonly<
  Record<Holder['kind'], { readonly column: string; readonly isGone: string }>
> = {
  owner: { column: 'key.owner_id', isGone: OWNER_IS_GONE },
  service_account: { column: 'key.service_account_id', isGone: ACCOUNT_IS_GONE },
};

/** Of a key named `key`: what of all that it belongs to is suspended, or gone. */
const STANDING = `CASE
  WHEN key.owner_id IS NOT NULL AND ${OWNER_IS_GONE} THEN 'owner_gone'
  WHEN key.service_account_id IS NOT NULL AND ${ACCOUNT_IS_GONE} THEN 'service_account_gone'
  WHEN (SELECT status FROM organizations WHERE id = key.organization_id) <> 'active' THEN 'organization_suspended'
  WHEN key.team_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM teams WHERE id = key.team_id AND organization_id = key.organization_id AND status = 'active')
    THEN 'team_suspended'
  WHEN key.owner_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM users person JOIN organization_members member ON member.user_id = person.id
     WHERE person.id = key.owner_id AND member.organization_id = key.organization_id
       AND person.status = 'active' AND member.status = 'active')
    THEN 'owner_suspended'
  WHEN key.service_account_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM service_accounts
     WHERE id = key.service_account_id AND organization_id = key.organization_id AND status = 'active')
    THEN 'service_account_suspended'
  END`;

/** Of a key named `key`: what its owner, or its service account, is in the organization. Who is nothing there has no scopes. */
const OWNER_ROLE = `CASE
  WHEN key.service_account_id IS NOT NULL THEN COALESCE((
    SELECT json_build_object('role', account.role, 'own', own.scopes)
      FROM service_accounts account
      LEFT JOIN roles own ON own.organization_id = account.organization_id AND own.id = account.role
     WHERE account.organization_id = key.organization_id AND account.id = key.service_account_id), '{"role": ""}')
  WHEN key.owner_id IS NOT NULL THEN COALESCE((
    SELECT json_build_object('role', member.role, 'own', own.scopes)
      FROM organization_members member
      LEFT JOIN roles own ON own.organization_id = member.organization_id AND own.id = member.role
     WHERE member.organization_id = key.organization_id AND member.user_id = key.owner_id), '{"role": ""}')
  END`;

/** Of a key named `key`. */
const ENVIRONMENT_RULES = `(SELECT rules FROM environment_settings
  WHERE organization_id = key.organization_id AND environment = key.environment)`;

/** Of a key named `key`, by the names of {@link SurroundingsRow}. */
export const SURROUNDINGS = {
  standing: STANDING,
  owner: OWNER_ROLE,
  environmentRules: ENVIRONMENT_RULES,
} as const;

/** A role that is gone gives nothing. */
export function surroundingsOf(row: SurroundingsRow | undefined): KeySurroundings {
  if (!row) return NO_SURROUNDINGS;
  const { standing, owner, environmentRules } = row;
  return {
    standing,
    owner: owner && {
      role: owner.role,
      scopes: isBuiltInRole(owner.role) ? SCOPES_OF_ROLE[owner.role] : (owner.own ?? []),
    },
    environmentRules,
  };
}
