import { Injectable } from '@nestjs/common';

import { Clock } from '#common/time/clock.js';
import type { HeldSubject, SubjectChange } from '#modules/organizations/index.js';
import { TransactionRunner } from '#platform/database/transaction-runner.js';

import type { KeyView } from '../domain/key-view.js';
import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { ApprovalSubjects } from './approval-subjects.service.js';
import { Approvers } from './approvers.js';
import { decidedBy, type Decision, isDecided } from './domain/decision.js';
import { RecordApprovalService } from './record-approval.service.js';
import { Requesters } from './requesters.js';

/** Of what a request is, where that is no key. */
export type Subject = { readonly type: HeldSubject; readonly id: string };

/**
 * As for keys, of what else may wait. The subject's lock decides between two who do so at once, and all that follows from a
 * decision is in its transaction.
 */
@Injectable()
export class DecideOnSubjectService {
  constructor(
    private readonly requests: RecordApprovalService,
    private readonly subjects: ApprovalSubjects,
    private readonly approvers: Approvers,
    private readonly requesters: Requesters,
    private readonly transactions: TransactionRunner,
    private readonly clock: Clock,
  ) {}

  /**
   * @param id of a request that the caller sees
   * @throws {AppError} `conflict` for what is decided, whose time is over, or whose subject has changed since;
   * `approval_required` for who asked for it, `operation_not_allowed` for who withdraws what they did not ask for,
   * `escalation_denied`
   */
  decide(
    caller: KeyView,
    subject: Subject,
    id: string,
    decision: Decision,
  ): Promise<ApprovalRequestEntity> {
    const { organizationId } = caller;
    const handler = this.subjects.handlerOf(subject.type);
    return this.transactions.run(async () => {
      await handler.lock(organizationId, subject.id);
      const request = await this.#open(organizationId, subject.id, id);
      if (decision.status === 'withdrawn') this.approvers.assertMayWithdraw(caller, request);
      else await this.approvers.assertMayDecide(caller, request, null);
      const decided = decidedBy(caller, decision, this.clock.now());
      await this.requests.decided(request, decided);
      if (decision.status === 'approved') {
        const requester = await this.requesters.viewOf(request);
        const { change } = request;
        await handler.apply({
          organizationId,
          subjectId: subject.id,
          change: change as SubjectChange,
          requester,
          approver: caller,
        });
      }
      return { ...request, ...decided };
    });
  }

  async #open(
    organizationId: string,
    subjectId: string,
    id: string,
  ): Promise<ApprovalRequestEntity> {
    const now = this.clock.now();
    const open = await this.requests.findOpen(organizationId, subjectId, new Date(now));
    if (open?.id === id) return open;
    const request = await this.requests.read(organizationId, id);
    throw isDecided(request as ApprovalRequestEntity, now);
  }
}
