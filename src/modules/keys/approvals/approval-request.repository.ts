import { Injectable } from '@nestjs/common';
import type { SelectQueryBuilder } from 'typeorm';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { writable } from '#platform/database/writable.js';

import { ApiKeyEntity } from '../api-key.entity.js';
import type { KeyReach } from '../domain/key-reach.js';
import { seenFrom } from '../reach-conditions.js';
import { ApprovalRequestEntity, type ApprovalStatus } from './approval-request.entity.js';
import type { Ancestor } from './domain/four-eyes.js';

/** What requests must have to be listed. Absent: anything. */
export type ApprovalFilter = { readonly status?: ApprovalStatus; readonly keyId?: string };

/** A request that was just marked as expired. */
export type ExpiredApproval = Pick<
  ApprovalRequestEntity,
  'id' | 'organizationId' | 'keyId' | 'kind' | 'fields' | 'requestedBy' | 'expiresAt'
>;

const EXPIRED = `id, organization_id AS "organizationId", key_id AS "keyId", kind, fields, requested_by AS "requestedBy",
  expires_at AS "expiresAt"`;

@Injectable()
export class ApprovalRequestRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(request: ApprovalRequestEntity): Promise<void> {
    await this.transactions.manager.insert(ApprovalRequestEntity, writable(request));
  }

  /** Among keys that the caller sees. */
  find(reach: KeyReach, id: string): Promise<ApprovalRequestEntity | null> {
    return this.#seen(reach).andWhere('request.id = :id', { id }).getOne();
  }

  /** Newest first, one more than `limit` when there are more. */
  list(
    reach: KeyReach,
    { status, keyId }: ApprovalFilter,
    page: { readonly after: CursorPosition | null; readonly limit: number; readonly now: Date },
  ): Promise<ApprovalRequestEntity[]> {
    const query = this.#seen(reach)
      .orderBy('request.createdAt', 'DESC')
      .addOrderBy('request.id', 'DESC')
      .limit(page.limit + 1);
    if (page.after)
      query.andWhere('(request.created_at, request.id) < (:createdAt, :id)', page.after);
    if (keyId !== undefined) query.andWhere('request.key_id = :keyId', { keyId });
    if (status !== undefined) {
      query.andWhere(
        `CASE WHEN request.status = 'pending' AND request.expires_at <= :now THEN 'expired' ELSE request.status END = :status`,
        { status, now: page.now },
      );
    }
    return query.getMany();
  }

  /** The one of the key that nobody has decided on, and its time not over. Who has locked the key has it alone. */
  findOpen(
    organizationId: string,
    keyId: string,
    now: Date,
  ): Promise<ApprovalRequestEntity | null> {
    return this.transactions.manager
      .createQueryBuilder(ApprovalRequestEntity, 'request')
      .where({ organizationId, keyId, status: 'pending' })
      .andWhere('request.expires_at > :now', { now })
      .getOne();
  }

  /** Marks the one of the key whose time is over. */
  closeExpired(organizationId: string, keyId: string, now: Date): Promise<ExpiredApproval[]> {
    return this.transactions.sql(
      `UPDATE approval_requests SET status = 'expired'
        WHERE organization_id = $1 AND key_id = $2 AND status = 'pending' AND expires_at <= $3
       RETURNING ${EXPIRED}`,
      [organizationId, keyId, now],
    );
  }

  /** Those whose time was over at `until`, at most `limit`. What somebody is just deciding on is left out. */
  closeExpiredAcrossTenants(until: Date, limit: number): Promise<ExpiredApproval[]> {
    return this.transactions.sql(
      `UPDATE approval_requests SET status = 'expired'
        WHERE id = ANY (ARRAY(
          SELECT id FROM approval_requests WHERE status = 'pending' AND expires_at <= $1
           LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED))
       RETURNING ${EXPIRED}`,
      [until, limit],
    );
  }

  async update(
    { organizationId, id }: ApprovalRequestEntity,
    changes: Partial<ApprovalRequestEntity>,
  ): Promise<void> {
    await this.transactions.manager.update(
      ApprovalRequestEntity,
      { organizationId, id },
      writable(changes),
    );
  }

  /** The key itself, the key that made it, and so on, as far as they are keys. */
  lineOf(organizationId: string, keyId: string): Promise<Ancestor[]> {
    return this.transactions.sql(
      `WITH RECURSIVE line AS (
         SELECT id, owner_id, created_by, 0 AS depth FROM api_keys WHERE organization_id = $1 AND id = $2
         UNION ALL
         SELECT maker.id, maker.owner_id, maker.created_by, line.depth + 1
           FROM line JOIN api_keys AS maker ON maker.id = line.created_by AND maker.organization_id = $1
       )
       SELECT id, owner_id AS "ownerId", created_by AS "createdBy" FROM line ORDER BY depth`,
      [organizationId, keyId],
    );
  }

  #seen(reach: KeyReach): SelectQueryBuilder<ApprovalRequestEntity> {
    const query = this.transactions.manager
      .createQueryBuilder(ApprovalRequestEntity, 'request')
      .innerJoin(ApiKeyEntity, 'key', 'key.id = request.key_id')
      .where('request.organization_id = key.organization_id');
    return seenFrom(query, reach);
  }
}
