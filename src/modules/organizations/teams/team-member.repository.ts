import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { TeamRole } from './teams.port.js';

export type TeamMemberRow = {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: TeamRole;
  readonly canManageKeys: boolean;
  readonly createdAt: Date;
};

type Place = { readonly organizationId: string; readonly teamId: string; readonly userId: string };

const SELECT = `
  SELECT team_members.user_id AS "userId", users.email, users.name, team_members.role,
         team_members.can_manage_keys AS "canManageKeys", team_members.created_at AS "createdAt"
    FROM team_members JOIN users ON users.id = team_members.user_id`;

@Injectable()
export class TeamMemberRepository {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /** Who came last first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    teamId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<TeamMemberRow[]> {
    return this.transactions.sql<TeamMemberRow>(
      `${SELECT}
        WHERE team_members.organization_id = $1 AND team_members.team_id = $2
          AND ($3::timestamptz IS NULL OR (team_members.created_at, team_members.user_id) < ($3, $4))
        ORDER BY team_members.created_at DESC, team_members.user_id DESC LIMIT $5`,
      [organizationId, teamId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  async find({ organizationId, teamId, userId }: Place): Promise<TeamMemberRow | null> {
    const [row] = await this.transactions.sql<TeamMemberRow>(
      `${SELECT} WHERE team_members.organization_id = $1 AND team_members.team_id = $2
                   AND team_members.user_id = $3`,
      [organizationId, teamId, userId],
    );
    return row ?? null;
  }

  /** Of a team and a user that are the organization's. */
  async put(
    { organizationId, teamId, userId }: Place,
    { role, canManageKeys }: Pick<TeamMemberRow, 'role' | 'canManageKeys'>,
  ): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO team_members (team_id, organization_id, user_id, role, can_manage_keys, created_at)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (team_id, user_id)
       DO UPDATE SET role = excluded.role, can_manage_keys = excluded.can_manage_keys`,
      [teamId, organizationId, userId, role, canManageKeys, new Date(this.clock.now())],
    );
  }

  async delete({ organizationId, teamId, userId }: Place): Promise<void> {
    await this.transactions.sql(
      'DELETE FROM team_members WHERE organization_id = $1 AND team_id = $2 AND user_id = $3',
      [organizationId, teamId, userId],
    );
  }
}
