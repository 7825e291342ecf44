import { Injectable } from '@nestjs/common';

import { isBuiltInRole, SCOPES_OF_ROLE } from '#common/auth/roles.js';
import type { Scope } from '#common/auth/scopes.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import { type Membership, Memberships } from './memberships.port.js';

type MemberRow = {
  organizationId: string;
  userId: string;
  role: string;
  scopes: Scope[] | null;
  isSuspended: boolean;
};

const SELECT = `
  SELECT member.organization_id AS "organizationId", member.user_id AS "userId", member.role, own.scopes,
         (person.status = 'suspended' OR organization.status = 'suspended') AS "isSuspended"
    FROM organization_members member
    JOIN users person ON person.id = member.user_id
    JOIN organizations organization ON organization.id = member.organization_id
    LEFT JOIN roles own ON own.organization_id = member.organization_id AND own.id = member.role`;

@Injectable()
export class MemberRepository extends Memberships {
  constructor(private readonly transactions: TransactionRunner) {
    super();
  }

  override async find(organizationId: string, userId: string): Promise<Membership | null> {
    const [row] = await this.transactions.sql<MemberRow>(
      `${SELECT} WHERE member.organization_id = $1 AND member.user_id = $2`,
      [organizationId, userId],
    );
    return row ? toMembership(row) : null;
  }

  override async listAcrossTenants(userId: string): Promise<Membership[]> {
    const rows = await this.transactions.sql<MemberRow>(
      `${SELECT} WHERE member.user_id = $1 ORDER BY member.created_at, member.organization_id`,
      [userId],
    );
    return rows.map(toMembership);
  }
}

/** A role that is gone gives nothing. */
function toMembership({ scopes, ...row }: MemberRow): Membership {
  return { ...row, scopes: isBuiltInRole(row.role) ? SCOPES_OF_ROLE[row.role] : (scopes ?? []) };
}
