import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';

import { reachesAll } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { viewApproval, withoutOthersKeys } from './approval.view.js';
import { ApprovalRequestRepository } from './approval-request.repository.js';
import { ApprovalSubjects } from './approval-subjects.service.js';
import type { ListApprovalsQuery } from './dto/approval.dto.js';

@Injectable()
export class ReadApprovalsService {
  constructor(
    private readonly requests: ApprovalRequestRepository,
    private readonly subjects: ApprovalSubjects,
    private readonly clock: Clock,
  ) {}

  /**
   * Those of what the caller reaches and has the scope to look at, and their own.
   * @throws {AppError} `insufficient_scope`
   */
  async list(caller: KeyView, query: ListApprovalsQuery): Promise<Page<ApprovalResponse>> {
    const { limit, cursor, status, key_id: keyId, subject_type: subject } = query;
    const readable = this.subjects.readableBy(caller);
    const filter = {
      ...(status && { status }),
      ...(keyId !== undefined && { keyId }),
      subjects: readable.filter((one) => subject === undefined || one === subject),
    };
    const now = this.clock.now();
    const page = { after: decodeCursor(cursor), limit, now: new Date(now) };
    const rows = await this.requests.list(await this.subjects.reachOf(caller), filter, page);
    const isWhole = reachesAll(caller);
    return toPage(rows, limit, (request) =>
      viewApproval(isWhole ? request : withoutOthersKeys(request), now),
    );
  }

  /** @throws {AppError} `not_found`, `insufficient_scope` */
  async get(caller: KeyView, id: string): Promise<ApprovalResponse> {
    const readable = this.subjects.readableBy(caller);
    const request = await this.requests.find(await this.subjects.reachOf(caller), id);
    if (!request) throw new AppError('not_found', { message: `There is no approval ${id}.` });
    if (!readable.includes(request.subjectType)) throw new AppError('insufficient_scope');
    const seen = reachesAll(caller) ? request : withoutOthersKeys(request);
    return viewApproval(seen, this.clock.now());
  }
}
