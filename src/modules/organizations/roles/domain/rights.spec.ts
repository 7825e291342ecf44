import { describe, expect, it } from 'vitest';

import { BUILT_IN_ROLES, type BuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import { type Scope, scopeMask, SCOPES } from '#common/auth/scopes.js';
import { AppError } from '#common/errors/app-error.js';

import { assertHolds, assertMayGiveOrTake, type Rights } from './rights.js';

function refusalOf(check: () => void): { code: string; param: string | null } | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { code: error.code, param: error.param };
  }
}

const DENIED = { code: 'escalation_denied', param: 'role' };

function rightsOf(role: BuiltInRole): Rights {
  return { scopeMask: scopeMask(SCOPES_OF_ROLE[role]), isOwner: role === 'owner' };
}

describe('giving and taking a role', () => {
  /** Who may give whom: the scopes of the one lie within those of the other, and only owners touch owners. */
  const MAY_GIVE: Readonly<Record<BuiltInRole, readonly BuiltInRole[]>> = {
    owner: [...BUILT_IN_ROLES],
    admin: ['admin', 'developer', 'billing', 'auditor', 'viewer'],
    developer: ['developer'],
    billing: ['billing'],
    auditor: ['auditor', 'viewer'],
    viewer: ['viewer'],
  };

  it.each(
    BUILT_IN_ROLES.flatMap((caller) => BUILT_IN_ROLES.map((role) => [caller, role] as const)),
  )('%s and %s', (caller, role) => {
    const given = { role, scopes: SCOPES_OF_ROLE[role] };
    const refusal = refusalOf(() => assertMayGiveOrTake(rightsOf(caller), given, 'role'));
    expect(refusal).toEqual(MAY_GIVE[caller].includes(role) ? null : DENIED);
  });

  it('of an organization goes by its scopes, whatever it is called', () => {
    const rights: Rights = { scopeMask: scopeMask(['org:write', 'models:read']), isOwner: false };
    for (const scope of SCOPES) {
      const own = { role: 'role_1', scopes: ['models:read', scope] as Scope[] };
      const isHeld = scope === 'org:write' || scope === 'models:read';
      const refusal = refusalOf(() => assertMayGiveOrTake(rights, own, 'role'));
      expect([scope, refusal]).toEqual([scope, isHeld ? null : DENIED]);
    }
  });

  it('names in its refusal what is missing, and the field', () => {
    const rights: Rights = { scopeMask: scopeMask(['org:write']), isOwner: true };
    expect(() => assertHolds(rights, ['org:write', 'audit:read'], 'scopes')).toThrow('audit:read.');
    expect(refusalOf(() => assertHolds(rights, ['audit:read'], 'scopes'))?.param).toBe('scopes');
  });
});
