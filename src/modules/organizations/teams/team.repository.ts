import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type Standing, type TeamMembership, Teams } from './teams.port.js';

export type TeamRow = {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly description: string | null;
  readonly status: Standing;
  readonly createdAt: Date;
};

/** Those left out stay as they are. */
export type TeamChanges = {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly status?: Standing;
};

const COLUMNS = `id, organization_id AS "organizationId", name, description, status, created_at AS "createdAt"`;

@Injectable()
export class TeamRepository extends Teams {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override async find(organizationId: string, teamId: string): Promise<TeamRow | null> {
    const [row] = await this.transactions.sql<TeamRow>(
      `SELECT ${COLUMNS} FROM teams WHERE organization_id = $1 AND id = $2`,
      [organizationId, teamId],
    );
    return row ?? null;
  }

  override async idsOf(organizationId: string, userId: string): Promise<string[]> {
    const rows = await this.transactions.sql<{ id: string }>(
      'SELECT team_id AS id FROM team_members WHERE organization_id = $1 AND user_id = $2',
      [organizationId, userId],
    );
    return rows.map(({ id }) => id);
  }

  override async membershipOf(
    organizationId: string,
    teamId: string,
    userId: string,
  ): Promise<TeamMembership | null> {
    const [row] = await this.transactions.sql<TeamMembership>(
      `SELECT role, can_manage_keys AS "canManageKeys" FROM team_members
        WHERE organization_id = $1 AND team_id = $2 AND user_id = $3`,
      [organizationId, teamId, userId],
    );
    return row ?? null;
  }

  async count(organizationId: string): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM teams WHERE organization_id = $1',
      [organizationId],
    );
    return row?.count ?? 0;
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<TeamRow[]> {
    return this.transactions.sql<TeamRow>(
      `SELECT ${COLUMNS} FROM teams
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [organizationId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  async insert(team: TeamRow): Promise<void> {
    await this.transactions.sql(
      `INSERT INTO teams (id, organization_id, name, description, status, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $6)`,
      [team.id, team.organizationId, team.name, team.description, team.status, team.createdAt],
    );
  }

  async update(
    organizationId: string,
    id: string,
    { name, description, status }: TeamChanges,
    now: Date,
  ): Promise<TeamRow | null> {
    const [row] = await this.transactions.sql<TeamRow>(
      `UPDATE teams SET name = coalesce($3, name), status = coalesce($4, status),
         description = CASE WHEN $5 THEN $6 ELSE description END, updated_at = $7
        WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [
        organizationId,
        id,
        name ?? null,
        status ?? null,
        description !== undefined,
        description ?? null,
        now,
      ],
    );
    return row ?? null;
  }

  /** Who was in it is in it no more. */
  async delete(organizationId: string, id: string): Promise<boolean> {
    const rows = await this.transactions.sql(
      'DELETE FROM teams WHERE organization_id = $1 AND id = $2 RETURNING id',
      [organizationId, id],
    );
    return rows.length > 0;
  }
}
