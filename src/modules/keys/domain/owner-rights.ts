import { type AccessLevel, type Scope, scopeMask, scopesOf } from '#common/auth/scopes.js';

import { grantableScopes } from './grant.js';

/** What somebody, or a service account, is in the organization of a key of their own, now. */
export type OwnerRole = {
  /** `owner`, `admin` … or the `role_…` of one of the organization's own. */
  readonly role: string;
  readonly scopes: readonly Scope[];
};

type Rights = { readonly accessLevel: AccessLevel | null; readonly scopes: readonly Scope[] };

/**
 * What of a key's rights is in force. A key of somebody's own does no more than its owner may have a key do now: it loses
 * what they lose, and gets it back with them. A master key reaches beyond the organization, which only an owner's may.
 * @param owner `null`: the key is nobody's own, and keeps what it was given
 */
export function rightsInForce({ accessLevel, scopes }: Rights, owner: OwnerRole | null): Rights {
  if (owner === null) return { accessLevel, scopes };
  const isMaster = accessLevel === 'master';
  return {
    accessLevel: isMaster && owner.role !== 'owner' ? null : accessLevel,
    scopes: scopesOf(scopeMask(scopes) & grantableScopes(scopeMask(owner.scopes))),
  };
}
