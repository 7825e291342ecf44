import { Injectable } from '@nestjs/common';

import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyMember } from '../domain/belonging.js';

/** Rows are only written by who has locked their key. */
@Injectable()
export class KeyMemberRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  /** By the key's id; the members in the order of their ids. Keys without any are absent. */
  async listOf(
    organizationId: string,
    keyIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly KeyMember[]>> {
    const rows = await this.transactions.sql<{ keyId: string; members: KeyMember[] }>(
      `SELECT key_id AS "keyId", json_agg(json_build_object(
                'userId', user_id, 'role', role, 'canManageKey', can_manage_key) ORDER BY user_id) AS members
         FROM key_members WHERE organization_id = $1 AND key_id = ANY ($2) GROUP BY key_id`,
      [organizationId, keyIds],
    );
    return new Map(rows.map(({ keyId, members }) => [keyId, members]));
  }

  /** In place of those that were. */
  async replace(
    organizationId: string,
    keyId: string,
    members: readonly KeyMember[],
  ): Promise<void> {
    await this.transactions.sql(
      'DELETE FROM key_members WHERE organization_id = $1 AND key_id = $2',
      [organizationId, keyId],
    );
    if (members.length === 0) return;
    await this.transactions.sql(
      `INSERT INTO key_members (organization_id, key_id, user_id, role, can_manage_key)
       SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::boolean[])`,
      [
        organizationId,
        keyId,
        members.map(({ userId }) => userId),
        members.map(({ role }) => role),
        members.map(({ canManageKey }) => canManageKey),
      ],
    );
  }
}
