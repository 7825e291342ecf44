import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { BUILT_IN_ROLES, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import { ACCESS_LEVELS, type Scope, SCOPES, SCOPES_OF_LEVEL } from '#common/auth/scopes.js';

import { type OwnerRole, rightsInForce } from './owner-rights.js';

const scopeSet = fc.subarray<Scope>([...SCOPES]);
const builtIn = fc.constantFrom(...BUILT_IN_ROLES).map((role): OwnerRole => ({
  role,
  scopes: SCOPES_OF_ROLE[role],
}));
const ownRole = scopeSet.map((scopes): OwnerRole => ({ role: 'role_1', scopes }));
const owner = fc.oneof(builtIn, ownRole);
const key = fc.oneof(
  fc.constantFrom(...ACCESS_LEVELS).map((accessLevel) => ({
    accessLevel,
    scopes: SCOPES_OF_LEVEL[accessLevel],
  })),
  scopeSet.map((scopes) => ({ accessLevel: null, scopes })),
);

/** Written out again, so that a change of the rule needs a change here. */
function mayHave({ scopes }: OwnerRole): Set<Scope> {
  return new Set(scopes.includes('keys:write') ? [...scopes, 'inference', 'models:read'] : scopes);
}

describe('The scopes in force of a key of somebody’s own', () => {
  it('are those of its own that its owner may give a key now, and no others', () => {
    fc.assert(
      fc.property(key, owner, (rights, role) => {
        const allowed = mayHave(role);
        const expected = rights.scopes.filter((scope) => allowed.has(scope));
        expect(new Set(rightsInForce(rights, role).scopes)).toEqual(new Set(expected));
      }),
    );
  });

  it('are all where a developer holds an inference key, and none of them where a billing role does', () => {
    const rights = { accessLevel: 'inference', scopes: SCOPES_OF_LEVEL.inference } as const;
    const of = (role: 'developer' | 'billing' | 'viewer'): readonly Scope[] =>
      rightsInForce(rights, { role, scopes: SCOPES_OF_ROLE[role] }).scopes;
    expect(of('developer')).toEqual(['inference', 'models:read']);
    expect(of('viewer')).toEqual(['models:read']);
    expect(of('billing')).toEqual([]);
  });
});

describe('The access level master', () => {
  it.each(BUILT_IN_ROLES)('of a key of a person who is %s', (role) => {
    const rights = { accessLevel: 'master', scopes: SCOPES } as const;
    const inForce = rightsInForce(rights, { role, scopes: SCOPES_OF_ROLE[role] });
    expect(inForce.accessLevel).toBe(role === 'owner' ? 'master' : null);
  });

  it('stays with a key that is nobody’s own', () => {
    const rights = { accessLevel: 'master', scopes: SCOPES } as const;
    expect(rightsInForce(rights, null)).toEqual(rights);
  });
});
