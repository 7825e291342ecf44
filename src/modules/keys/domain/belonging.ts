export const KEY_TYPES = ['personal', 'team', 'service', 'standard'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

export const KEY_MEMBER_ROLES = ['admin', 'developer', 'viewer'] as const;
export type KeyMemberRole = (typeof KEY_MEMBER_ROLES)[number];

/** Somebody who has to do with one key, whatever teams they are in. */
export type KeyMember = {
  readonly userId: string;
  readonly role: KeyMemberRole;
  readonly canManageKey: boolean;
};

/** Whom a key belongs to. */
export type Belonging = {
  readonly type: KeyType;
  readonly teamId: string | null;
  readonly projectIds: readonly string[];
  /** The user whose own it is; `null`: nobody's. */
  readonly ownerId: string | null;
  /** Whose it is, where that is no person; only of type `service`. */
  readonly serviceAccountId: string | null;
};

/** What a key can be of and dies with, in one organization: a member by their user's id, or a service account. */
export type Holder = {
  readonly kind: 'owner' | 'service_account';
  readonly organizationId: string;
  readonly id: string;
};

/** Of a key that nobody has said anything of. */
export const NOBODYS: Belonging = {
  type: 'personal',
  teamId: null,
  projectIds: [],
  ownerId: null,
  serviceAccountId: null,
};

/** Why a key can’t be used although nobody has done anything to the key itself. */
export type Standing = `${Suspender}_suspended` | HolderGone;

/** Such a key is refused as a revoked one, and is one soon. */
export type HolderGone = `${Holder['kind']}_gone`;

export const SUSPENDERS = ['organization', 'team', 'owner', 'service_account'] as const;
type Suspender = (typeof SUSPENDERS)[number];

/** What of it is suspended; `null`: nothing is. */
export function suspenderOf(standing: Standing | null): Suspender | null {
  return SUSPENDERS.find((name) => standing === `${name}_suspended`) ?? null;
}

export function isHolderGone(standing: Standing): standing is HolderGone {
  return standing.endsWith('_gone');
}

/** That its holder is gone is said as any revocation is. */
export const STANDING_MESSAGES: Readonly<Record<Exclude<Standing, HolderGone>, string>> = {
  organization_suspended: 'The organization of this API key is suspended.',
  team_suspended: 'The team of this API key is suspended, or there is no such team any more.',
  owner_suspended: 'The owner of this API key is suspended.',
  service_account_suspended: 'The service account of this API key is suspended.',
};
