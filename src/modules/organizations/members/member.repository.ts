import { Injectable } from '@nestjs/common';

import { isBuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import type { Scope } from '#common/auth/scopes.js';
import type { CursorPosition } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { Standing, TeamRole } from '../teams/teams.port.js';
import { type Membership, Memberships } from './memberships.port.js';

type MemberRow = {
  organizationId: string;
  organizationName: string;
  userId: string;
  role: string;
  scopes: Scope[] | null;
  isSuspended: boolean;
};

const SELECT = `
  SELECT member.organization_id AS "organizationId", organization.name AS "organizationName",
         member.user_id AS "userId", member.role, own.scopes,
         (person.status = 'suspended' OR organization.status = 'suspended'
          OR member.status = 'suspended') AS "isSuspended"
    FROM organization_members member
    JOIN users person ON person.id = member.user_id
    JOIN organizations organization ON organization.id = member.organization_id
    LEFT JOIN roles own ON own.organization_id = member.organization_id AND own.id = member.role`;

/** Somebody in an organization, as others see them. */
export type MemberProfile = {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
  readonly role: string;
  /** `suspended` here, or everywhere. */
  readonly status: Standing;
  readonly teams: readonly {
    readonly id: string;
    readonly name: string;
    readonly role: TeamRole;
    readonly can_manage_keys: boolean;
  }[];
  readonly createdAt: Date;
};

const PROFILE = `
  SELECT member.user_id AS "userId", person.email, person.name, member.role, member.created_at AS "createdAt",
         CASE WHEN 'suspended' IN (member.status, person.status) THEN 'suspended' ELSE 'active' END AS status,
         (SELECT coalesce(json_agg(json_build_object('id', teams.id, 'name', teams.name, 'role', inside.role,
                                                     'can_manage_keys', inside.can_manage_keys)
                                   ORDER BY teams.name, teams.id), '[]')
            FROM team_members inside JOIN teams ON teams.id = inside.team_id
           WHERE inside.organization_id = member.organization_id AND inside.user_id = member.user_id) AS teams
    FROM organization_members member JOIN users person ON person.id = member.user_id
   WHERE member.organization_id = $1`;

@Injectable()
export class MemberRepository extends Memberships {
  constructor(
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {
    super();
  }

  override async find(organizationId: string, userId: string): Promise<Membership | null> {
    const [row] = await this.transactions.sql<MemberRow>(
      `${SELECT} WHERE member.organization_id = $1 AND member.user_id = $2`,
      [organizationId, userId],
    );
    return row ? toMembership(row) : null;
  }

  override async membersAmong(
    organizationId: string,
    userIds: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const rows = await this.transactions.sql<{ userId: string }>(
      `SELECT user_id AS "userId" FROM organization_members
        WHERE organization_id = $1 AND user_id = ANY ($2)`,
      [organizationId, userIds],
    );
    return new Set(rows.map(({ userId }) => userId));
  }

  override async listAcrossTenants(userId: string): Promise<Membership[]> {
    const rows = await this.transactions.sql<MemberRow>(
      `${SELECT} WHERE member.user_id = $1 ORDER BY member.created_at, member.organization_id`,
      [userId],
    );
    return rows.map(toMembership);
  }

  /** Who came last first, one more than `limit` when there are more. */
  async listProfiles(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<MemberProfile[]> {
    return this.transactions.sql<MemberProfile>(
      `${PROFILE} AND ($2::timestamptz IS NULL OR (member.created_at, member.user_id) < ($2, $3))
        ORDER BY member.created_at DESC, member.user_id DESC LIMIT $4`,
      [organizationId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  async findProfile(organizationId: string, userId: string): Promise<MemberProfile | null> {
    const [row] = await this.transactions.sql<MemberProfile>(`${PROFILE} AND member.user_id = $2`, [
      organizationId,
      userId,
    ]);
    return row ?? null;
  }

  async hasAddress(organizationId: string, email: string): Promise<boolean> {
    const rows = await this.transactions.sql(
      `SELECT member.user_id FROM organization_members member JOIN users person ON person.id = member.user_id
        WHERE member.organization_id = $1 AND person.email = $2`,
      [organizationId, email],
    );
    return rows.length > 0;
  }

  /** Locks an organization's owners, in a fixed order, and answers the ids of those who are not suspended. */
  async lockOwners(organizationId: string): Promise<string[]> {
    const rows = await this.transactions.sql<{ userId: string; isActive: boolean }>(
      `SELECT member.user_id AS "userId", 'suspended' NOT IN (member.status, person.status) AS "isActive"
         FROM organization_members member JOIN users person ON person.id = member.user_id
        WHERE member.organization_id = $1 AND member.role = 'owner'
        ORDER BY member.user_id FOR UPDATE OF member`,
      [organizationId],
    );
    return rows.filter(({ isActive }) => isActive).map(({ userId }) => userId);
  }

  async setRole(organizationId: string, userId: string, role: string): Promise<void> {
    await this.transactions.sql(
      'UPDATE organization_members SET role = $3, updated_at = $4 WHERE organization_id = $1 AND user_id = $2',
      [organizationId, userId, role, this.#now()],
    );
  }

  async setStatus(organizationId: string, userId: string, status: Standing): Promise<void> {
    await this.transactions.sql(
      'UPDATE organization_members SET status = $3, updated_at = $4 WHERE organization_id = $1 AND user_id = $2',
      [organizationId, userId, status, this.#now()],
    );
  }

  /** They are in none of its teams any more either. */
  async delete(organizationId: string, userId: string): Promise<void> {
    await this.transactions.sql(
      'DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2',
      [organizationId, userId],
    );
  }

  #now(): Date {
    return new Date(this.clock.now());
  }
}

/** A role that is gone gives nothing. */
function toMembership({ scopes, ...row }: MemberRow): Membership {
  return { ...row, scopes: isBuiltInRole(row.role) ? SCOPES_OF_ROLE[row.role] : (scopes ?? []) };
}
