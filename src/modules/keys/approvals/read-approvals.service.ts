import { Injectable } from '@nestjs/common';

import { AppError } from '#common/errors/app-error.js';
import { decodeCursor, type Page, toPage } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';

import { reachOf } from '../domain/key-reach.js';
import type { KeyView } from '../domain/key-view.js';
import { viewApproval } from './approval.view.js';
import { ApprovalRequestRepository } from './approval-request.repository.js';
import type { ListApprovalsQuery } from './dto/approval.dto.js';
import type { ApprovalResponse } from './dto/approval.responses.js';

@Injectable()
export class ReadApprovalsService {
  constructor(
    private readonly requests: ApprovalRequestRepository,
    private readonly clock: Clock,
  ) {}

  /** Those of keys that the caller reaches. */
  async list(caller: KeyView, query: ListApprovalsQuery): Promise<Page<ApprovalResponse>> {
    const { limit, cursor, status, key_id: keyId } = query;
    const filter = { ...(status && { status }), ...(keyId !== undefined && { keyId }) };
    const now = this.clock.now();
    const page = { after: decodeCursor(cursor), limit, now: new Date(now) };
    const rows = await this.requests.list(reachOf(caller), filter, page);
    return toPage(rows, limit, (request) => viewApproval(request, now));
  }

  /** @throws {AppError} `not_found` */
  async get(caller: KeyView, id: string): Promise<ApprovalResponse> {
    const request = await this.requests.find(reachOf(caller), id);
    if (!request) throw new AppError('not_found', { message: `There is no approval ${id}.` });
    return viewApproval(request, this.clock.now());
  }
}
