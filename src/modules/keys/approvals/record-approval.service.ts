import { Injectable } from '@nestjs/common';

import { Actors, systemActor } from '#platform/audit-trail/actor.js';
import type { AuditAction } from '#platform/audit-trail/audit-actions.js';
import { type AuditFacts, AuditTrail } from '#platform/audit-trail/audit-trail.port.js';
import type { ApprovalStatus } from '#platform/http/approvals/approval.response.js';

import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { ApprovalRequestRepository, type ExpiredApproval } from './approval-request.repository.js';

/** What is written of a request that somebody has decided on. */
export type Decided = Pick<
  ApprovalRequestEntity,
  'reason' | 'decidedBy' | 'decidedByUser' | 'decidedAt'
> & { readonly status: Exclude<ApprovalStatus, 'pending' | 'expired'> };

/** The one way in which requests for approval are written, and read for that: the audit log has each step of theirs, in the transaction that makes it so. */
@Injectable()
export class RecordApprovalService {
  constructor(
    private readonly requests: ApprovalRequestRepository,
    private readonly trail: AuditTrail,
    private readonly actors: Actors,
  ) {}

  read(organizationId: string, id: string): Promise<ApprovalRequestEntity | null> {
    return this.requests.read(organizationId, id);
  }

  async opened(request: ApprovalRequestEntity): Promise<void> {
    const { change, expiresAt } = request;
    await this.requests.insert(request);
    await this.#append('approval.requested', request, {
      after: { change, status: 'pending', expires_at: expiresAt, ...factsOf(request) },
    });
  }

  async decided(request: ApprovalRequestEntity, decided: Decided): Promise<void> {
    const { status, reason } = decided;
    await this.requests.update(request, decided);
    await this.#append(`approval.${status}`, request, {
      before: { status: 'pending' },
      after: { status },
      details: { ...factsOf(request), cause: request.requestedBy },
      reason,
    });
  }

  /**
   * What waits for a key, or another subject. One whose time is over is marked, so that there can be another: time has done that, and
   * not who asks for another.
   */
  async findOpen(
    organizationId: string,
    subjectId: string,
    now: Date,
  ): Promise<ApprovalRequestEntity | null> {
    const closed = await this.requests.closeExpired(organizationId, subjectId, now);
    if (closed.length > 0) {
      await this.actors.act(systemActor('approvals.expire'), () => this.#expired(closed));
    }
    return this.requests.findOpen(organizationId, subjectId, now);
  }

  /**
   * Those of all keys, unless somebody locks them, at most `limit`.
   * @returns how many
   */
  async closeExpiredAcrossTenants(until: Date, limit: number): Promise<number> {
    const closed = await this.requests.closeExpiredAcrossTenants(until, limit);
    await this.#expired(closed);
    return closed.length;
  }

  async #expired(closed: readonly ExpiredApproval[]): Promise<void> {
    for (const request of closed) {
      await this.#append('approval.expired', request, {
        before: { status: 'pending' },
        after: { status: 'expired' },
        details: {
          ...factsOf(request),
          cause: request.requestedBy,
          expires_at: request.expiresAt,
        },
      });
    }
  }

  async #append(
    action: AuditAction,
    { organizationId, id, keyId }: Pick<ApprovalRequestEntity, 'organizationId' | 'id' | 'keyId'>,
    what: {
      readonly before?: AuditFacts;
      readonly after: AuditFacts;
      readonly details?: AuditFacts;
      readonly reason?: string | null;
    },
  ): Promise<void> {
    const target = { type: 'approval', id };
    await this.trail.append({ organizationId, action, target, keyId, ...what });
  }
}

function factsOf({
  kind,
  fields,
  subjectType,
  subjectId,
  keyId,
}: Omit<ExpiredApproval, 'id' | 'organizationId'>): AuditFacts {
  return { kind, fields, subject_type: subjectType, subject_id: keyId ?? subjectId };
}
