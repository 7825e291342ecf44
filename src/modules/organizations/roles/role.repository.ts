import { Injectable } from '@nestjs/common';

import { isBuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import type { Scope } from '#common/auth/scopes.js';
import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { ResolvedRole } from './domain/rights.js';

/** A role of an organization's own. */
export type RoleRow = {
  readonly id: string;
  readonly organizationId: string;
  readonly name: string;
  readonly description: string | null;
  readonly scopes: Scope[];
  readonly createdAt: Date;
};

/** Those left out stay as they are. */
export type RoleChanges = {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly scopes?: readonly Scope[] | undefined;
};

const COLUMNS = `id, organization_id AS "organizationId", name, description, scopes, created_at AS "createdAt"`;

@Injectable()
export class RoleRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async find(organizationId: string, id: string): Promise<RoleRow | null> {
    const [row] = await this.transactions.sql<RoleRow>(
      `SELECT ${COLUMNS} FROM roles WHERE organization_id = $1 AND id = $2`,
      [organizationId, id],
    );
    return row ?? null;
  }

  /** A built-in role by its name, or one of the organization's own by its id; `null` for what is neither. */
  async resolve(organizationId: string, role: string): Promise<ResolvedRole | null> {
    if (isBuiltInRole(role)) return { role, scopes: SCOPES_OF_ROLE[role] };
    const own = await this.find(organizationId, role);
    return own && { role, scopes: own.scopes };
  }

  async count(organizationId: string): Promise<number> {
    const [row] = await this.transactions.sql<{ count: number }>(
      'SELECT count(*)::int AS count FROM roles WHERE organization_id = $1',
      [organizationId],
    );
    return row?.count ?? 0;
  }

  /** Newest first, one more than `limit` when there are more. */
  async list(
    organizationId: string,
    after: CursorPosition | null,
    limit: number,
  ): Promise<RoleRow[]> {
    return this.transactions.sql<RoleRow>(
      `SELECT ${COLUMNS} FROM roles
        WHERE organization_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
        ORDER BY created_at DESC, id DESC LIMIT $4`,
      [organizationId, after?.createdAt ?? null, after?.id ?? null, limit + 1],
    );
  }

  async insert(role: RoleRow): Promise<void> {
    const { id, organizationId, name, description, scopes, createdAt } = role;
    await this.transactions.sql(
      `INSERT INTO roles (id, organization_id, name, description, scopes, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, $6, $6)`,
      [id, organizationId, name, description, scopes, createdAt],
    );
  }

  async update(
    organizationId: string,
    id: string,
    { name, description, scopes }: RoleChanges,
    now: Date,
  ): Promise<RoleRow | null> {
    const [row] = await this.transactions.sql<RoleRow>(
      `UPDATE roles SET name = coalesce($3, name), scopes = coalesce($4, scopes),
         description = CASE WHEN $5 THEN $6 ELSE description END, updated_at = $7
        WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [
        organizationId,
        id,
        name ?? null,
        scopes ?? null,
        description !== undefined,
        description ?? null,
        now,
      ],
    );
    return row ?? null;
  }

  /**
   * Whether somebody or a service account has it, or somebody is invited to it. One statement: between two somebody who accepts their invitation would
   * be neither.
   */
  async isInUse(organizationId: string, id: string): Promise<boolean> {
    const [row] = await this.transactions.sql<{ used: boolean }>(
      `SELECT EXISTS (SELECT FROM organization_members WHERE organization_id = $1 AND role = $2)
           OR EXISTS (SELECT FROM service_accounts WHERE organization_id = $1 AND role = $2)
           OR EXISTS (SELECT FROM invitations
                       WHERE organization_id = $1 AND role = $2 AND accepted_at IS NULL) AS used`,
      [organizationId, id],
    );
    return row?.used === true;
  }

  async delete(organizationId: string, id: string): Promise<void> {
    await this.transactions.sql('DELETE FROM roles WHERE organization_id = $1 AND id = $2', [
      organizationId,
      id,
    ]);
  }
}
