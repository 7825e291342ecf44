export type Standing = 'active' | 'suspended';

export type Team = {
  readonly id: string;
  readonly name: string;
  readonly status: Standing;
};

export const TEAM_ROLES = ['admin', 'developer', 'viewer'] as const;
export type TeamRole = (typeof TEAM_ROLES)[number];

export type TeamMembership = {
  readonly role: TeamRole;
  /** Whether this member makes and changes keys of the team. */
  readonly canManageKeys: boolean;
};

/** An organization's teams, for what belongs to them. As they stand in PostgreSQL now. */
export abstract class Teams {
  /** `null` also for another organization's. */
  abstract find(organizationId: string, teamId: string): Promise<Team | null>;

  /** The ids of those that somebody is in: at most as many as an organization can have. */
  abstract idsOf(organizationId: string, userId: string): Promise<string[]>;

  /** `null` for who is not in it. Whether they, or the team, are suspended it does not say. */
  abstract membershipOf(
    organizationId: string,
    teamId: string,
    userId: string,
  ): Promise<TeamMembership | null>;
}
