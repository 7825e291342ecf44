import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';

import type { KeyView } from '../domain/key-view.js';
import type { ApprovalRequestEntity } from './approval-request.entity.js';
import { ApprovalRequestRepository } from './approval-request.repository.js';
import { ApprovalSubjects } from './approval-subjects.service.js';
import { DecideApprovalService } from './decide-approval.service.js';
import { DecideOnSubjectService } from './decide-on-subject.service.js';
import type { Decision } from './domain/decision.js';

/** Decides on a request, whatever it is of. */
@Injectable()
export class SettleApprovalService {
  constructor(
    private readonly requests: ApprovalRequestRepository,
    private readonly subjects: ApprovalSubjects,
    private readonly ofKeys: DecideApprovalService,
    private readonly ofSubjects: DecideOnSubjectService,
  ) {}

  /** @throws {AppError} `insufficient_scope`, `not_found`, and as the services of what it is of */
  async settle(caller: KeyView, id: string, decision: Decision): Promise<ApprovalRequestEntity> {
    const writable = this.subjects.writableBy(caller);
    const request = await this.requests.find(await this.subjects.reachOf(caller), id);
    if (!request) throw new AppError('not_found', { message: `There is no approval ${id}.` });
    const { subjectType: type, keyId, subjectId } = request;
    if (!writable.includes(type)) throw new AppError('insufficient_scope');
    if (type === 'key') return this.ofKeys.decide(caller, keyId as string, id, decision);
    return this.ofSubjects.decide(caller, { type, id: subjectId as string }, id, decision);
  }
}
