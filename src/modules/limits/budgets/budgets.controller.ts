import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  Param,
  Put,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import { ApiHeader, ApiTags } from '@nestjs/swagger';

import type { Principal } from '#common/auth/principal.js';
import type { Page } from '#common/pagination/cursor.js';
import { PageQuery } from '#common/pagination/page.query.js';
import { Caller } from '#platform/http/caller-organization.decorator.js';
import type { ApprovalResponse } from '#platform/http/approvals/approval.response.js';
import { MayWaitForApproval } from '#platform/http/approvals/may-wait.interceptor.js';
import { Endpoint } from '#platform/http/endpoint.decorator.js';
import { VersionTagInterceptor } from '#platform/http/version-tag.interceptor.js';

import { AskToDeleteBudgetService } from './ask-to-delete-budget.service.js';
import { viewBudget } from './budget.view.js';
import { PutBudgetDto } from './dto/budget.dto.js';
import {
  BudgetListResponse,
  BudgetResponse,
  DeletedBudgetResponse,
} from './dto/budget.responses.js';
import { PutBudgetService } from './put-budget.service.js';
import { ReadBudgetsService } from './read-budgets.service.js';

/** Clients of the Management API differ in whether their base URL ends in `/v1`. */
const PREFIXES = ['v1', 'manage', 'v1/manage'];

const EXAMPLE = {
  id: 'bud_4fTqV0mZx1sLwq8nE2bYcA',
  scope: 'key',
  scope_id: 'key_4fTqV0mZx1sLwq8nE2bYcA',
  window: 'monthly',
  model: null,
  limit: 25,
  alert_threshold: 0.8,
  created_at: '2026-11-21T09:00:00.000Z',
  updated_at: '2026-11-21T09:00:00.000Z',
  version: 1,
};

@ApiTags('Budgets')
@Controller(PREFIXES.map((prefix) => `${prefix}/budgets`))
@UseInterceptors(VersionTagInterceptor)
export class BudgetsController {
  constructor(
    private readonly putBudget: PutBudgetService,
    private readonly readBudgets: ReadBudgetsService,
    private readonly deleteBudget: AskToDeleteBudgetService,
  ) {}

  @Put()
  @Endpoint({
    id: 'putBudget',
    summary: 'Set a budget',
    description:
      'There is one budget for a scope, window and model: this makes it or replaces its terms. Doing the same again changes nothing. `If-Match` with the version you read keeps you from overwriting another’s change. Lifting one above `approval_budget_threshold` of the organization waits for somebody’s approval.',
    scope: 'billing:write',
    requestBody: PutBudgetDto,
    requestExample: { scope: 'each_key', window: 'daily', limit: '5.00', alert_threshold: 0.8 },
    response: BudgetResponse,
    example: EXAMPLE,
    errors: ['not_found', 'conflict', 'escalation_denied', 'precondition_failed'],
  })
  @MayWaitForApproval()
  @ApiHeader({ name: 'if-match', required: false, description: 'The `ETag` of the answer before.' })
  async put(
    @Caller() caller: Principal,
    @Body() body: PutBudgetDto,
    @Headers('if-match') ifMatch?: string,
  ): Promise<BudgetResponse | ApprovalResponse> {
    const { budget, request } = await this.putBudget.put(caller, body, ifMatch ?? null);
    return request ?? viewBudget(budget);
  }

  @Get()
  @Endpoint({
    id: 'listBudgets',
    summary: 'List budgets',
    description: 'Newest first.',
    scope: 'billing:read',
    response: BudgetListResponse,
    example: { data: [EXAMPLE], has_more: false, next_cursor: null },
    errors: ['invalid_request'],
  })
  list(@Caller() caller: Principal, @Query() page: PageQuery): Promise<Page<BudgetResponse>> {
    return this.readBudgets.list(caller, page);
  }

  @Delete(':id')
  @Endpoint({
    id: 'deleteBudget',
    summary: 'Delete a budget',
    description:
      'It lifts the budget without end: where `approval_budget_threshold` of the organization is set, it waits for somebody’s approval.',
    scope: 'billing:write',
    response: DeletedBudgetResponse,
    example: { id: EXAMPLE.id, deleted: true },
    errors: ['not_found', 'conflict'],
  })
  @MayWaitForApproval()
  async delete(
    @Caller() caller: Principal,
    @Param('id') id: string,
  ): Promise<DeletedBudgetResponse | ApprovalResponse> {
    return (await this.deleteBudget.delete(caller, id)) ?? { id, deleted: true };
  }
}
