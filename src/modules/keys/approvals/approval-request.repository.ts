import { Injectable } from '@nestjs/common';
import { Brackets, type SelectQueryBuilder } from 'typeorm';

import type { CursorPosition } from '#common/pagination/cursor.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';
import { writable } from '#platform/database/writable.js';

import type {
  ApprovalStatus,
  ApprovalSubject,
} from '#platform/http/approvals/approval.response.js';

import { ApiKeyEntity } from '../api-key.entity.js';
import { isLimited, type KeyReach } from '../domain/key-reach.js';
import { seenFrom } from '../reach-conditions.js';
import { ApprovalRequestEntity } from './approval-request.entity.js';
import type { Ancestor } from './domain/four-eyes.js';

/** What requests must have to be listed. Absent: anything. */
export type ApprovalFilter = {
  readonly status?: ApprovalStatus;
  readonly keyId?: string;
  readonly subjects: readonly ApprovalSubject[];
};

/** Whose requests somebody sees: their own, those of keys in reach, and of what else is named. */
export type ApprovalReach = {
  readonly keys: KeyReach;
  /** The key, or the user with a session. */
  readonly callerId: string;
  /** Subjects all of which they see. It counts only where they reach part of the organization. */
  readonly whole: readonly ApprovalSubject[];
  /** Subjects that they see besides. */
  readonly ids: readonly string[];
};

/** A request that was just marked as expired. */
export type ExpiredApproval = Pick<
  ApprovalRequestEntity,
  | 'id'
  | 'organizationId'
  | 'subjectType'
  | 'subjectId'
  | 'keyId'
  | 'kind'
  | 'fields'
  | 'requestedBy'
  | 'expiresAt'
>;

const EXPIRED = `id, organization_id AS "organizationId", subject_type AS "subjectType", subject_id AS "subjectId",
  key_id AS "keyId", kind, fields, requested_by AS "requestedBy",
  expires_at AS "expiresAt"`;

@Injectable()
export class ApprovalRequestRepository {
  constructor(private readonly transactions: TransactionRunner) {}

  async insert(request: ApprovalRequestEntity): Promise<void> {
    await this.transactions.manager.insert(ApprovalRequestEntity, writable(request));
  }

  find(reach: ApprovalReach, id: string): Promise<ApprovalRequestEntity | null> {
    return this.#seen(reach).andWhere('request.id = :id', { id }).getOne();
  }

  /** Newest first, one more than `limit` when there are more. */
  list(
    reach: ApprovalReach,
    { status, keyId, subjects }: ApprovalFilter,
    page: { readonly after: CursorPosition | null; readonly limit: number; readonly now: Date },
  ): Promise<ApprovalRequestEntity[]> {
    const query = this.#seen(reach)
      .andWhere('request.subject_type = ANY (:subjects)', { subjects })
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

  /** As it is now. */
  read(organizationId: string, id: string): Promise<ApprovalRequestEntity | null> {
    return this.transactions.manager.findOneBy(ApprovalRequestEntity, { organizationId, id });
  }

  /**
   * The one of the key, or of what else it is, that nobody has decided on, and its time not over. Who has locked that has it
   * alone.
   */
  findOpen(
    organizationId: string,
    subjectId: string,
    now: Date,
  ): Promise<ApprovalRequestEntity | null> {
    return this.transactions.manager
      .createQueryBuilder(ApprovalRequestEntity, 'request')
      .where({ organizationId, status: 'pending' })
      .andWhere('(request.key_id = :subjectId OR request.subject_id = :subjectId)', { subjectId })
      .andWhere('request.expires_at > :now', { now })
      .getOne();
  }

  /** Marks the one of the subject whose time is over. */
  closeExpired(organizationId: string, subjectId: string, now: Date): Promise<ExpiredApproval[]> {
    return this.transactions.sql(
      `UPDATE approval_requests SET status = 'expired'
        WHERE organization_id = $1 AND (key_id = $2 OR subject_id = $2) AND status = 'pending' AND expires_at <= $3
       RETURNING ${EXPIRED}`,
      [organizationId, subjectId, now],
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

  #seen({ keys, callerId, whole, ids }: ApprovalReach): SelectQueryBuilder<ApprovalRequestEntity> {
    const { organizationId } = keys;
    const query = this.transactions.manager
      .createQueryBuilder(ApprovalRequestEntity, 'request')
      .where('request.organization_id = :organizationId', { organizationId });
    if (!isLimited(keys)) return query;
    const seen = seenFrom(query.subQuery().select('key.id').from(ApiKeyEntity, 'key'), keys);
    return query.andWhere(
      new Brackets((either) =>
        either
          .where(`request.key_id IN ${seen.getQuery()}`, seen.getParameters())
          .orWhere('request.subject_type = ANY (:whole)', { whole })
          .orWhere('request.subject_id = ANY (:ids)', { ids })
          .orWhere('request.requested_by = :callerId', { callerId }),
      ),
    );
  }
}
