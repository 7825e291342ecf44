import type { Scope } from '#common/auth/scopes.js';

/** What somebody is in an organization. */
export type Membership = {
  readonly organizationId: string;
  readonly organizationName: string;
  readonly userId: string;
  /** `owner`, `admin` … or the `role_…` of one of the organization's own. */
  readonly role: string;
  readonly scopes: readonly Scope[];
  /** The membership, the user or the organization is. */
  readonly isSuspended: boolean;
};

export abstract class Memberships {
  /** As it stands in PostgreSQL now; `null` for somebody who is not a member. */
  abstract find(organizationId: string, userId: string): Promise<Membership | null>;

  /** Those of the users who are members of the organization. */
  abstract membersAmong(
    organizationId: string,
    userIds: readonly string[],
  ): Promise<ReadonlySet<string>>;

  /** All of a user's, the oldest first. */
  abstract listAcrossTenants(userId: string): Promise<Membership[]>;
}
