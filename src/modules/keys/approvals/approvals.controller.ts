import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import type { Page } from '#common/pagination/cursor.js';
import { Clock } from '#common/time/clock.js';
import { APPROVAL_EXAMPLE, DECIDED_EXAMPLE } from '#platform/http/approvals/approval.examples.js';
import { ApprovalResponse } from '#platform/http/approvals/approval.response.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';

import { CallingKey } from '../calling-key.decorator.js';
import type { KeyView } from '../domain/key-view.js';
import { viewApproval } from './approval.view.js';
import { DecideApprovalDto, ListApprovalsQuery } from './dto/approval.dto.js';
import { ApprovalListResponse } from './dto/approval.responses.js';
import { ReadApprovalsService } from './read-approvals.service.js';
import { SettleApprovalService } from './settle-approval.service.js';

@ApiTags('Approvals')
@Controller('v1/approvals')
export class ApprovalsController {
  constructor(
    private readonly readApprovals: ReadApprovalsService,
    private readonly settleApproval: SettleApprovalService,
    private readonly clock: Clock,
  ) {}

  @Get()
  @Endpoint({
    id: 'listApprovals',
    summary: 'List approvals',
    description:
      'What was asked for of what the caller reaches, newest first: of keys and policies with `keys:read`, of budgets with `billing:read`, of the organization’s settings with `org:read`.',
    scope: 'authenticated',
    response: ApprovalListResponse,
    example: { data: [APPROVAL_EXAMPLE], has_more: false, next_cursor: null },
    errors: ['insufficient_scope', 'invalid_request'],
  })
  list(
    @CallingKey() caller: KeyView,
    @Query() query: ListApprovalsQuery,
  ): Promise<Page<ApprovalResponse>> {
    return this.readApprovals.list(caller, query);
  }

  @Get(':id')
  @Endpoint({
    id: 'getApproval',
    summary: 'Get an approval',
    description: 'Needs the same scopes as listing it.',
    scope: 'authenticated',
    response: ApprovalResponse,
    example: APPROVAL_EXAMPLE,
    errors: ['not_found', 'insufficient_scope'],
  })
  get(@CallingKey() caller: KeyView, @Param('id') id: string): Promise<ApprovalResponse> {
    return this.readApprovals.get(caller, id);
  }

  @Post(':id/approve')
  @Endpoint({
    id: 'approve',
    summary: 'Approve what was asked for',
    description:
      'It takes effect at once, if both who asked and who approves may do it by now. Whoever asked can’t, nor can who made the key, nor any key of theirs. It needs `keys:write` for keys and policies, `billing:write` for budgets, `org:write` for the organization’s settings.',
    scope: 'authenticated',
    requestBody: DecideApprovalDto,
    isBodyOptional: true,
    requestExample: { reason: 'as agreed' },
    response: ApprovalResponse,
    example: DECIDED_EXAMPLE,
    errors: [
      'not_found',
      'conflict',
      'insufficient_scope',
      'escalation_denied',
      'approval_required',
      'invalid_request',
    ],
  })
  async approve(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: DecideApprovalDto,
  ): Promise<ApprovalResponse> {
    const decided = await this.settleApproval.settle(caller, id, {
      status: 'approved',
      reason: body.reason ?? null,
    });
    return viewApproval(decided, this.clock.now());
  }

  @Post(':id/reject')
  @Endpoint({
    id: 'reject',
    summary: 'Reject what was asked for',
    description:
      'A new key is revoked by that; what was to get more stays as it is. Needs the same scopes as approving it.',
    scope: 'authenticated',
    requestBody: DecideApprovalDto,
    isBodyOptional: true,
    requestExample: { reason: 'not for production' },
    response: ApprovalResponse,
    example: { ...DECIDED_EXAMPLE, status: 'rejected', reason: 'not for production' },
    errors: [
      'not_found',
      'conflict',
      'insufficient_scope',
      'escalation_denied',
      'approval_required',
      'invalid_request',
    ],
  })
  async reject(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: DecideApprovalDto,
  ): Promise<ApprovalResponse> {
    const decided = await this.settleApproval.settle(caller, id, {
      status: 'rejected',
      reason: body.reason ?? null,
    });
    return viewApproval(decided, this.clock.now());
  }

  @Post(':id/withdraw')
  @Endpoint({
    id: 'withdrawApproval',
    summary: 'Withdraw what one asked for',
    description:
      'With the key that asked, or as the user who did. A new key is revoked by that; what was to get more stays as it is. Needs the same scopes as approving it.',
    scope: 'authenticated',
    requestBody: DecideApprovalDto,
    isBodyOptional: true,
    requestExample: { reason: 'asked for the wrong key' },
    response: ApprovalResponse,
    example: {
      ...DECIDED_EXAMPLE,
      status: 'withdrawn',
      decided_by: APPROVAL_EXAMPLE.requested_by,
      decided_by_user: APPROVAL_EXAMPLE.requested_by_user,
      reason: 'asked for the wrong key',
    },
    errors: ['not_found', 'conflict', 'insufficient_scope', 'escalation_denied', 'invalid_request'],
  })
  async withdraw(
    @CallingKey() caller: KeyView,
    @Param('id') id: string,
    @Body() body: DecideApprovalDto,
  ): Promise<ApprovalResponse> {
    const withdrawn = await this.settleApproval.settle(caller, id, {
      status: 'withdrawn',
      reason: body.reason ?? null,
    });
    return viewApproval(withdrawn, this.clock.now());
  }
}
