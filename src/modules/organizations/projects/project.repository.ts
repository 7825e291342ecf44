import { Injectable } from '@nestjs/common';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { Projects } from './projects.port.js';

export type ProjectRow = {
  readonly id: string;
  readonly organizationId: string;
  readonly teamId: string | null;
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: Date;
};

/** Those left out stay as they are. */
export type ProjectChanges = {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly teamId?: string | null | undefined;
};

const COLUMNS = `id, organization_id AS "organizationId", team_id AS "teamId", name, description,
  created_at AS "createdAt"`;

@Injectable()
export class ProjectRepository extends Projects {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override async findAll(organizationId: string, ids: readonly string[]): Promise<ProjectRow[]> {
    return this.transactions.sql<ProjectRow>(
      `SELECT ${COLUMNS} FROM projects WHERE organization_id = $1 AND id = ANY($2)`,
      [organizationId, ids],
    );
  }

  async count(organizationId: string): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM projects WHERE organization_id = $1',
      [organizationId],
    );
    return row?.count ?? 0;
  }

  /** Newest first, one more than `limit` when there are more; of one team, where it is said. */
  async list(
    organizationId: string,
    teamId: string | null,
    after: CursorPosition | null,
    limit: number,
  ): Promise<ProjectRow[]> {
    return this.transactions.sql<ProjectRow>(
      `SELECT ${COLUMNS} FROM projects
        WHERE organization_id = $1 AND ($2::text IS NULL OR team_id = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
        ORDER BY created_at DESC, id DESC LIMIT $5`,
      [organizationId, teamId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  async insert(project: ProjectRow): Promise<void> {
    const { id, organizationId, teamId, name, description, createdAt } = project;
    await this.transactions.sql(
      `INSERT INTO projects (id, organization_id, team_id, name, description, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $6)`,
      [id, organizationId, teamId, name, description, createdAt],
    );
  }

  async update(
    organizationId: string,
    id: string,
    { name, description, teamId }: ProjectChanges,
    now: Date,
  ): Promise<ProjectRow | null> {
    const [row] = await this.transactions.sql<ProjectRow>(
      `UPDATE projects SET name = coalesce($3, name),
         description = CASE WHEN $4 THEN $5 ELSE description END,
         team_id = CASE WHEN $6 THEN $7 ELSE team_id END, updated_at = $8
        WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [
        organizationId,
        id,
        name ?? null,
        description !== undefined,
        description ?? null,
        teamId !== undefined,
        teamId ?? null,
        now,
      ],
    );
    return row ?? null;
  }

  async delete(organizationId: string, id: string): Promise<boolean> {
    const rows = await this.transactions.sql(
      'DELETE FROM projects WHERE organization_id = $1 AND id = $2 RETURNING id',
      [organizationId, id],
    );
    return rows.length > 0;
  }
}
