import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { OwnSettings } from './domain/compile-rules.js';
import type { Preference, ProjectSettings, SettingsScope } from './project-settings.port.js';

export type ProjectConfigRow = OwnSettings & {
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

type Columns = {
  readonly projectId: string | null;
  readonly preference: Preference;
  readonly allowedProviders: string[] | null;
  readonly allowOverwrite: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

const COLUMNS = `project_id AS "projectId", preference, allowed_providers AS "allowedProviders",
  allow_overwrite AS "allowOverwrite", created_at AS "createdAt", updated_at AS "updatedAt"`;

@Injectable()
export class ProjectConfigRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** Bounded by the number of projects that an organization may have. */
  async listAll(organizationId: string): Promise<ProjectConfigRow[]> {
    const rows = await this.transactions.sql<Columns>(
      `SELECT ${COLUMNS} FROM project_configs WHERE organization_id = $1`,
      [organizationId],
    );
    return rows.map(toRow);
  }

  /** The project's own, else the organization's, else `null`. */
  async findInForce({
    organizationId,
    projectId,
  }: SettingsScope): Promise<ProjectConfigRow | null> {
    const [row] = await this.transactions.sql<Columns>(
      `SELECT ${COLUMNS} FROM project_configs
        WHERE organization_id = $1 AND (project_id = $2 OR project_id IS NULL)
        ORDER BY project_id NULLS LAST LIMIT 1`,
      [organizationId, projectId],
    );
    return row ? toRow(row) : null;
  }

  /** Since when the organization, or the project in it, is there; `null` where it is not. */
  async findBirth({ organizationId, projectId }: SettingsScope): Promise<Date | null> {
    const [row] = await this.transactions.sql<{ createdAt: Date }>(
      projectId === null
        ? 'SELECT created_at AS "createdAt" FROM organizations WHERE id = $1 AND $2::text IS NULL'
        : 'SELECT created_at AS "createdAt" FROM projects WHERE organization_id = $1 AND id = $2',
      [organizationId, projectId],
    );
    return row?.createdAt ?? null;
  }

  async write(scope: SettingsScope, settings: ProjectSettings, now: Date): Promise<void> {
    const { organizationId, projectId } = scope;
    const { preference, allowedProviders, allowOverwrite } = settings;
    await this.transactions.sql(
      `INSERT INTO project_configs AS own (id, organization_id, project_id, preference, allowed_providers, allow_overwrite,
         created_at, updated_at)
       VALUES (coalesce($2, $1), $1, $2, $3, $4, $5, $6, $6)
       ON CONFLICT (id) DO UPDATE SET preference = $3, allowed_providers = $4, allow_overwrite = $5, updated_at = $6,
         version = own.version + 1`,
      [organizationId, projectId, preference, allowedProviders, allowOverwrite, now],
    );
  }
}

function toRow({ projectId, createdAt, updatedAt, ...settings }: Columns): ProjectConfigRow {
  return { projectId, createdAt, updatedAt, settings };
}
