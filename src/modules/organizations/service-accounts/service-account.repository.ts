import { Injectable } from '@nestjs/common';

import { isBuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import type { Scope } from '#common/auth/scopes.js';
import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { Standing } from '../teams/teams.port.js';
import { type ServiceAccount, ServiceAccounts } from './service-accounts.port.js';

export type ServiceAccountRow = {
  readonly id: string;
  readonly organizationId: string;
  readonly teamId: string | null;
  readonly name: string;
  readonly description: string | null;
  /** A built-in one by its name, or the `role_…` of one of the organization's own. */
  readonly role: string;
  readonly status: Standing;
  /** Of whoever made it: `key_…`, or `user_…`. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Grows by one with each change. */
  readonly version: number;
};

/** Those left out stay as they are. */
export type ServiceAccountChanges = {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly role?: string | undefined;
  readonly status?: Standing;
};

/** What is listed. Absent: any. */
export type ServiceAccountFilter = {
  readonly teamId?: string | undefined;
  readonly status?: Standing | undefined;
  readonly name?: string | undefined;
};

const COLUMNS = `id, organization_id AS "organizationId", team_id AS "teamId", name, description, role, status,
  created_by AS "createdBy", created_at AS "createdAt", updated_at AS "updatedAt", version`;

@Injectable()
export class ServiceAccountRepository extends ServiceAccounts {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override async resolve(organizationId: string, id: string): Promise<ServiceAccount | null> {
    const [row] = await this.transactions.sql<
      Pick<ServiceAccountRow, 'id' | 'teamId' | 'role' | 'status'> & { scopes: Scope[] | null }
    >(
      `SELECT account.id, account.team_id AS "teamId", account.role, account.status, own.scopes
         FROM service_accounts account
         LEFT JOIN roles own ON own.id = account.role AND own.organization_id = account.organization_id
        WHERE account.organization_id = $1 AND account.id = $2`,
      [organizationId, id],
    );
    if (!row) return null;
    const { role, status, teamId, scopes } = row;
    return {
      id,
      teamId,
      scopes: isBuiltInRole(role) ? SCOPES_OF_ROLE[role] : (scopes ?? []),
      isSuspended: status === 'suspended',
    };
  }

  async find(organizationId: string, id: string): Promise<ServiceAccountRow | null> {
    const [row] = await this.transactions.sql<ServiceAccountRow>(
      `SELECT ${COLUMNS} FROM service_accounts WHERE organization_id = $1 AND id = $2`,
      [organizationId, id],
    );
    return row ?? null;
  }

  async count(organizationId: string): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM service_accounts WHERE organization_id = $1',
      [organizationId],
    );
    return row?.count ?? 0;
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    { teamId, status, name }: ServiceAccountFilter,
    after: CursorPosition | null,
    limit: number,
  ): Promise<ServiceAccountRow[]> {
    return this.transactions.sql<ServiceAccountRow>(
      `SELECT ${COLUMNS} FROM service_accounts
        WHERE organization_id = $1 AND ($2::text IS NULL OR team_id = $2)
          AND ($3::text IS NULL OR status = $3) AND ($4::text IS NULL OR name = $4)
          AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6))
        ORDER BY created_at DESC, id DESC LIMIT $7`,
      [
        organizationId,
        teamId ?? null,
        status ?? null,
        name ?? null,
        after?.createdAt ?? null,
        after?.id ?? null,
        limit + 1,
      ],
    );
  }

  async insert(account: ServiceAccountRow): Promise<void> {
    const { id, organizationId, teamId, name, description, role, createdBy, createdAt } = account;
    await this.transactions.sql(
      `INSERT INTO service_accounts
         (id, organization_id, team_id, name, description, role, created_by, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
      [id, organizationId, teamId, name, description, role, createdBy, createdAt],
    );
  }

  async update(
    organizationId: string,
    id: string,
    { name, description, role, status }: ServiceAccountChanges,
    now: Date,
  ): Promise<ServiceAccountRow | null> {
    const [row] = await this.transactions.sql<ServiceAccountRow>(
      `UPDATE service_accounts SET name = coalesce($3, name), role = coalesce($4, role),
         status = coalesce($5, status), description = CASE WHEN $6 THEN $7 ELSE description END,
         updated_at = $8, version = version + 1
        WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [
        organizationId,
        id,
        name ?? null,
        role ?? null,
        status ?? null,
        description !== undefined,
        description ?? null,
        now,
      ],
    );
    return row ?? null;
  }

  async delete(organizationId: string, id: string): Promise<void> {
    await this.transactions.sql(
      'DELETE FROM service_accounts WHERE organization_id = $1 AND id = $2',
      [organizationId, id],
    );
  }
}
